import { format as formatText } from 'node:util';
import { createLogger as createWinston, format, transports } from 'winston';
import { systemClock } from './clock.ts';
import { CodedError, getErrorCode } from './errors.ts';
import { IncidentLog } from './incident-log.ts';
import { type LogEntry, LogLimiter } from './log-limiter.ts';
import type { LogTail } from './log-tail.ts';
import { redact, Secrets } from './secrets.ts';

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

export interface LogOutput {
  readonly format: (typeof LOG_FORMATS)[number];
  readonly stream: NodeJS.WritableStream;
}

export interface LoggerOptions extends LogOutput {
  readonly level: (typeof LOG_LEVELS)[number];
  /** A second output, which receives the same lines. */
  readonly copy?: LogOutput | undefined;
  /** Redacted in fields, as a second line of defence. Secrets may be added later. */
  readonly secrets?: Pick<Secrets, 'list' | 'operator'>;
  /** Also receives every line, in the `pretty` format. */
  readonly tail?: LogTail;
}

/** A logger that summarizes repeated lines. */
export interface SummarizingLogger extends Logger {
  /** Writes the summaries that are not due yet. For the end of the process. */
  flush(): void;
}

/** Creates a winston logger. docs/logs.md describes the levels. */
export function createLogger({
  level,
  format: shape,
  stream,
  copy,
  secrets = new Secrets(),
  tail,
}: LoggerOptions): SummarizingLogger {
  const plain = format((info) => {
    const redaction = selectSecrets(secrets, info['node']);
    for (const [key, value] of Object.entries(info))
      if (!CONSTANT_KEYS.includes(key)) info[key] = toLoggable(value, redaction);
    return info;
  });
  const keep = format((info) => {
    tail?.add(info.level, pretty(info, 'month'), startedBy(info));
    return info;
  });
  const outputs: readonly LogOutput[] = [{ format: shape, stream }, ...(copy === undefined ? [] : [copy])];
  const winston = createWinston({
    level,
    format: format.combine(plain(), format.timestamp(), keep()),
    transports: outputs.map(
      (output) =>
        new transports.Stream({
          stream: output.stream,
          eol: '\n',
          format: output.format === 'json' ? format.json() : format.printf((info) => pretty(info)),
        }),
    ),
  });
  const write = ({ level, message, fields, startsIncident }: LogEntry) =>
    void winston.log(level, message, { ...fields, [INCIDENT]: startsIncident });
  const limiter = new LogLimiter(write);
  const incidents = new IncidentLog((entry) => limiter.add(entry), {
    now: () => systemClock.now(),
    toWallTime: (instant) => systemClock.toWallTime(instant),
    onEnd: (incident, summary) => {
      tail?.endIncident(incident);
      if (summary !== undefined) log.info('incident ended', summary);
    },
  });
  // Winston formats a line before it checks the level, which is slow with ten thousand contracts.
  const enabled = LOG_LEVELS.slice(0, LOG_LEVELS.indexOf(level) + 1);
  const createMethod = (method: (typeof LOG_LEVELS)[number]): Logger['info'] => {
    if (!enabled.includes(method)) return () => {};
    // Level debug is for tracing single contracts and requests.
    if (method === 'debug') return (message, fields = {}) => write({ level: method, message, fields });
    const next = level === 'debug' ? limiter : incidents;
    return (message, fields = {}) => next.add({ level: method, message, fields });
  };
  const log: SummarizingLogger = {
    error: createMethod('error'),
    warn: createMethod('warn'),
    info: createMethod('info'),
    debug: createMethod('debug'),
    flush: () => incidents.flush(),
  };
  return log;
}

/** Passes the incident that a line starts to the tail. JSON and the readable format leave it out. */
const INCIDENT = Symbol('incident');

function startedBy(info: Readonly<Record<PropertyKey, unknown>>): number | undefined {
  const incident = info[INCIDENT];
  return typeof incident === 'number' ? incident : undefined;
}

/** Never redacted: they contain nothing that a node sent. */
const CONSTANT_KEYS = ['level', 'message', 'node'];

interface Redaction {
  readonly inFields: readonly string[];
  readonly inErrors: readonly string[];
}

/** A line about a node can contain only its own secrets. In a line about something else, only an error can. */
function selectSecrets(secrets: Pick<Secrets, 'list' | 'operator'>, node: unknown): Redaction {
  if (typeof node !== 'string') return { inFields: secrets.operator, inErrors: secrets.list() };
  const own = secrets.list(node);
  return { inFields: own, inErrors: own };
}

/** Redacts secrets, reduces errors to what is safe to log, and converts what JSON cannot represent, at any depth. */
function toLoggable(value: unknown, redaction: Redaction): unknown {
  if (typeof value === 'string') return redact(value, redaction.inFields);
  if (typeof value === 'bigint') return String(value);
  if (value instanceof Error) return toLoggable(describeError(value), { ...redaction, inFields: redaction.inErrors });
  if (Array.isArray(value)) return value.map((item) => toLoggable(item, redaction));
  if (typeof value !== 'object' || value === null) return value;
  const prototype: unknown = Object.getPrototypeOf(value);
  if (prototype !== Object.prototype && prototype !== null) return redact(formatText('%s', value), redaction.inFields);
  return Object.fromEntries(Object.entries(value).map(([key, inner]) => [key, toLoggable(inner, redaction)]));
}

function describeError(error: Error): object {
  const code = getErrorCode(error);
  return {
    ...(code !== undefined && { code }),
    message: error.message,
    ...(error instanceof CodedError && error.details),
  };
}

/** @param from the largest unit of the time: an old line may be from another day */
function pretty(
  { timestamp, level, message, ...fields }: Record<string, unknown>,
  from: 'month' | 'hour' = 'hour',
): string {
  const facts = Object.entries(fields).map(
    ([key, value]) => `${key}=${typeof value === 'string' ? value : JSON.stringify(value)}`,
  );
  const time = String(timestamp)
    .slice(from === 'hour' ? 11 : 5, 19)
    .replace('T', ' ');
  return `${time} ${String(level).padEnd(5)} ${[message, ...facts].join('  ')}`;
}
