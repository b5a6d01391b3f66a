import { availableParallelism, homedir, hostname } from 'node:os';
import { join, resolve } from 'node:path';
import {
  type Given,
  LOG_FORMATS,
  LOG_LEVELS,
  parseBytes,
  parseSettings,
  SettingsError,
  type Values,
} from '@downstream/platform';
import { isSjcxAddress, sha256Hex } from '@downstream/protocol';
import { z } from 'zod';
import { STANDARD_GENESIS } from './chunks/genesis.ts';

const text = z.string();

const origin = (url: string, context: z.RefinementCtx): string => {
  const parsed = URL.parse(url);
  if (
    parsed === null ||
    !/^https?:$/.test(parsed.protocol) ||
    parsed.username ||
    parsed.password ||
    parsed.search ||
    parsed.hash
  ) {
    context.addIssue('not a plain http or https URL');
    return z.NEVER;
  }
  return parsed.origin + parsed.pathname.replace(/\/+$/, '');
};

const bytes = (given: string, context: z.RefinementCtx): number => {
  const size = parseBytes(given);
  if (size === undefined || size === 0) {
    context.addIssue('not a size');
    return z.NEVER;
  }
  return size;
};

const milliseconds = (given: string, context: z.RefinementCtx): number => {
  const [, number, unit = 's'] = /^(\d+(?:\.\d+)?)\s*(ms|s|m)?$/.exec(given) ?? [];
  const factor = { ms: 1, s: 1_000, m: 60_000 }[unit];
  const result = Number(number) * (factor ?? Number.NaN);
  if (!(result >= 100 && result <= 86_400_000)) {
    context.addIssue('not a duration');
    return z.NEVER;
  }
  return result;
};

/** A machine's name, made into one that is allowed. */
const aliasOf = (name: string): string => name.replace(/[^\w.-]/g, '-').slice(0, 63) || 'farmer';

const wholeNumber = (least: number, most: number) =>
  text.regex(/^\d+$/).transform(Number).pipe(z.number().min(least).max(most));

/** Everything an operator can set. The README's table, the flags and the error messages come from here. */
export const SETTINGS = {
  nodeUrl: {
    env: 'FARMER_NODE_URL',
    flag: '--node-url',
    value: '<url>',
    description: 'The node to farm for. `downstream <url>` means the same.',
    allowed: 'an http or https URL without user, query or fragment, such as http://localhost:5000',
    schema: text.max(2048).transform(origin),
    default: 'http://localhost:5000',
  },
  address: {
    env: 'FARMER_ADDRESS',
    flag: '--address',
    value: '<address>',
    description: 'The SJCX address that is to be paid. Required.',
    allowed: 'the SJCX (Bitcoin) address that is to be paid: 26 to 35 letters and digits, starting with 1',
    schema: text.refine(isSjcxAddress),
    defaultNote: 'none, required',
  },
  alias: {
    env: 'FARMER_ALIAS',
    flag: '--alias',
    value: '<name>',
    description: 'What people call this farmer: shown on its page, in `/status` and when it starts.',
    allowed: 'a name of up to 63 letters, digits, dots, hyphens and underscores',
    schema: text.regex(/^[\w.-]{1,63}$/),
    default: aliasOf(hostname()),
    defaultNote: "the machine's name",
  },
  size: {
    env: 'FARMER_SIZE',
    flag: '--size',
    value: '<bytes>',
    description: 'How much disk to give: bytes, or with a unit (`512MiB`, `1GB`). A contract takes 32 MiB.',
    allowed: 'a number of bytes above 0, or with a unit: 512MiB, 1GB',
    schema: text.transform(bytes),
    default: '256MiB',
  },
  dataDir: {
    env: 'FARMER_DATA_DIR',
    flag: '--data-dir',
    value: '<folder>',
    description: 'Where state, chunks and genesis file are kept; made where it is not there.',
    allowed: 'a folder that can be written to',
    schema: text.transform((path) => resolve(path)),
    default: join(homedir(), '.downstream'),
    defaultNote: '`~/.downstream`; `/data` in the image',
  },
  genesisPath: {
    env: 'FARMER_GENESIS',
    flag: '--genesis',
    value: '<file>',
    description: 'Another genesis file than the standard one; with its hash.',
    allowed: 'the path of a genesis file, and its hash as FARMER_GENESIS_SHA256, or neither',
    schema: text.optional(),
    defaultNote: 'the standard one',
  },
  genesisSha256: {
    env: 'FARMER_GENESIS_SHA256',
    flag: '--genesis-sha256',
    value: '<hex>',
    description: "That genesis file's SHA-256.",
    allowed: '64 lowercase hex characters, and the file as FARMER_GENESIS, or neither',
    schema: sha256Hex.optional(),
    defaultNote: '',
  },
  downloadOrigins: {
    env: 'FARMER_DOWNLOAD_ORIGINS',
    flag: '--download-origins',
    value: '<urls>',
    description: "Servers, comma-separated, that chunks may be downloaded from besides the node's own.",
    allowed: 'http or https origins separated by commas, such as https://chunks.example.org',
    schema: text
      .transform((list) =>
        list
          .split(',')
          .map((item) => item.trim())
          .filter(Boolean),
      )
      .pipe(z.array(text.transform(origin))),
    default: '',
    defaultNote: "only the node's own",
  },
  nodeMoved: {
    env: 'FARMER_NODE_MOVED',
    flag: '--node-moved',
    description: 'The node at this URL is the one the data directory farms for already, at a new place. For one start.',
    allowed: 'true or false',
    schema: z.enum(['true', 'false']).transform((value) => value === 'true'),
    default: 'false',
  },
  httpHost: {
    env: 'FARMER_HTTP_HOST',
    flag: '--http-host',
    value: '<host>',
    description: 'Where to serve metrics, health and status.',
    allowed: 'an address of this machine, or 0.0.0.0 for all of them',
    schema: text.min(1).max(255),
    default: '127.0.0.1',
    defaultNote: '`127.0.0.1`; `0.0.0.0` in the image',
  },
  httpPort: {
    env: 'FARMER_HTTP_PORT',
    flag: '--http-port',
    value: '<port>',
    description: 'Its port; 0 for any free one.',
    allowed: 'a port from 0 to 65535',
    schema: wholeNumber(0, 65_535),
    default: '8080',
  },
  pollIntervalMs: {
    env: 'FARMER_POLL_INTERVAL',
    flag: '--poll-interval',
    value: '<time>',
    description: 'How often to ask the node for challenges: seconds, or with a unit (`500ms`, `2m`).',
    allowed: 'seconds, or a time with ms, s or m, from 100ms to 1440m',
    schema: text.transform(milliseconds).optional(),
    defaultNote: "a tenth of the contracts' shortest interval, from 1 s to 60 s",
  },
  workers: {
    env: 'FARMER_WORKERS',
    flag: '--workers',
    value: '<count>',
    description: 'Threads that make and prove chunks.',
    allowed: 'a whole number from 1 to 64',
    schema: wholeNumber(1, 64),
    default: String(Math.min(4, availableParallelism())),
    defaultNote: 'one a processor, at most 4',
  },
  logLevel: {
    env: 'FARMER_LOG_LEVEL',
    flag: '--log-level',
    value: '<level>',
    description: `How much to log: ${LOG_LEVELS.map((level) => `\`${level}\``).join(', ')}.`,
    allowed: `one of ${LOG_LEVELS.join(', ')}`,
    schema: z.enum(LOG_LEVELS),
    default: 'info',
  },
  logFormat: {
    env: 'FARMER_LOG_FORMAT',
    flag: '--log-format',
    value: '<format>',
    description: '`json`, a line an object, or `pretty`, for people.',
    allowed: `one of ${LOG_FORMATS.join(', ')}`,
    schema: z.enum(LOG_FORMATS).optional(),
    defaultNote: '`pretty` on a terminal, else `json`',
  },
} as const;

export type FarmerConfig = Values<typeof SETTINGS>;

/**
 * Reads the configuration, once.
 *
 * @param flags by the keys of {@link SETTINGS}; they win over the environment
 * @throws SettingsError with a line for everything that is wrong
 */
export function readConfig({ flags, env = process.env }: Partial<Given> = {}): FarmerConfig {
  const config = parseSettings(SETTINGS, { env, ...(flags && { flags }) });
  if ((config.genesisPath === undefined) !== (config.genesisSha256 === undefined)) {
    const [set, missing] =
      config.genesisPath === undefined
        ? (['genesisSha256', 'genesisPath'] as const)
        : (['genesisPath', 'genesisSha256'] as const);
    throw new SettingsError([
      `${SETTINGS[missing].env} is not set, but ${SETTINGS[set].env} is: give ${SETTINGS[missing].allowed}`,
    ]);
  }
  if (config.genesisPath === undefined && config.size < STANDARD_GENESIS.size) {
    throw new SettingsError([`FARMER_SIZE is ${config.size} bytes: give at least 32MiB, the size of one chunk`]);
  }
  return config;
}
