import { createLogger as createWinston, format, transports } from 'winston';
import { CodedError, getErrorCode } from './errors.ts';

/** Facts about a log message. Errors are reduced to code, message and details. */
export type LogFields = Readonly<Record<string, unknown>>;

/** Constant messages plus fields: `log.warn('challenge failed', { contract, reason })`. Never a token or secret. */
export interface Logger {
  error(message: string, fields?: LogFields): void;
  warn(message: string, fields?: LogFields): void;
  info(message: string, fields?: LogFields): void;
  debug(message: string, fields?: LogFields): void;
}

export const silentLogger: Logger = { error: () => {}, warn: () => {}, info: () => {}, debug: () => {} };

/** Adds these fields to every line of a logger. */
export function withFields(logger: Logger, common: LogFields): Logger {
  return {
    error: (message, fields) => logger.error(message, { ...common, ...fields }),
    warn: (message, fields) => logger.warn(message, { ...common, ...fields }),
    info: (message, fields) => logger.info(message, { ...common, ...fields }),
    debug: (message, fields) => logger.debug(message, { ...common, ...fields }),
  };
}

export const LOG_LEVELS = ['error', 'warn', 'info', 'debug'] as const;
export const LOG_FORMATS = ['json', 'pretty'] as const;

export interface LoggerOptions {
  readonly level: (typeof LOG_LEVELS)[number];
  readonly format: (typeof LOG_FORMATS)[number];
  readonly stream: NodeJS.WritableStream;
  /** Values that are replaced in all output, as a second line of defence. Values may be added later. */
  readonly secrets?: ReadonlySet<string>;
  /** Also receives every line, in the `pretty` format. */
  readonly tail?: LogTail;
}

export interface LogLine {
  readonly level: string;
  readonly text: string;
}

const MAX_TAIL_LINES = 100;
const MAX_LINE_LENGTH = 1_000;

/** The last lines of a log. Long lines are truncated. */
export class LogTail {
  #lines: LogLine[] = [];

  /** Oldest first. */
  get lines(): readonly LogLine[] {
    return this.#lines;
  }

  add(level: string, text: string): void {
    const cut = text.length > MAX_LINE_LENGTH ? `${text.slice(0, MAX_LINE_LENGTH)}…` : text;
    this.#lines = [...this.#lines.slice(1 - MAX_TAIL_LINES), { level, text: cut }];
  }
}

/** Creates a winston logger. docs/logs.md describes the levels. */
export function createLogger({ level, format: shape, stream, secrets = new Set(), tail }: LoggerOptions): Logger {
  const plain = format((info) => {
    for (const [key, value] of Object.entries(info)) info[key] = toLoggable(value);
    return info;
  });
  const line = shape === 'json' ? format.json() : format.printf(pretty);
  const redacted = (text: string) =>
    [...secrets].filter(Boolean).reduce((left, secret) => left.replaceAll(secret, '[redacted]'), text);
  const redact = format((info) => {
    const rendered = Symbol.for('message');
    tail?.add(info.level, redacted(pretty(info)));
    info[rendered] = redacted(String(info[rendered]));
    return info;
  });
  const winston = createWinston({
    level,
    format: format.combine(plain(), format.timestamp(), line, redact()),
    transports: [new transports.Stream({ stream, eol: '\n' })],
  });
  // Winston formats a line before it checks the level, which is slow with ten thousand contracts.
  const enabled = LOG_LEVELS.slice(0, LOG_LEVELS.indexOf(level) + 1);
  const createMethod = (method: (typeof LOG_LEVELS)[number]): Logger['info'] =>
    enabled.includes(method)
      ? (message, fields) => {
          winston.log(method, message, fields);
        }
      : () => {};
  return {
    error: createMethod('error'),
    warn: createMethod('warn'),
    info: createMethod('info'),
    debug: createMethod('debug'),
  };
}

/** Reduces errors to what is safe to log, at any depth, and converts BigInts, which JSON cannot represent. */
function toLoggable(value: unknown): unknown {
  if (value instanceof Error) return describeError(value);
  if (typeof value === 'bigint') return String(value);
  if (Array.isArray(value)) return value.map(toLoggable);
  if (typeof value !== 'object' || value === null || Object.getPrototypeOf(value) !== Object.prototype) return value;
  return Object.fromEntries(Object.entries(value).map(([key, inner]) => [key, toLoggable(inner)]));
}

function describeError(error: Error): object {
  const code = getErrorCode(error);
  return {
    ...(code !== undefined && { code }),
    message: error.message,
    ...(error instanceof CodedError && error.details),
  };
}

function pretty({ timestamp, level, message, ...fields }: Record<string, unknown>): string {
  const facts = Object.entries(fields).map(
    ([key, value]) => `${key}=${typeof value === 'string' ? value : JSON.stringify(value)}`,
  );
  return `${String(timestamp).slice(11, 19)} ${String(level).padEnd(5)} ${[message, ...facts].join('  ')}`;
}
