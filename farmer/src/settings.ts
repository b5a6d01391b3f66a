import { availableParallelism, homedir, hostname } from 'node:os';
import { join, resolve } from 'node:path';
import { LOG_FORMATS, LOG_LEVELS, parseBytes } from '@downstream/platform';
import { isSjcxAddress, sha256Hex } from '@downstream/protocol';
import { z } from 'zod';

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

const UNITS_MS: Readonly<Record<string, number>> = { ms: 1, s: 1_000, m: 60_000, h: 3_600_000, d: 86_400_000 };

/** A time as people write it: seconds, or with a unit. */
const milliseconds =
  (minMs: number, maxMs: number) =>
  (given: string, context: z.RefinementCtx): number => {
    const [, number, unit = 's'] = /^(\d+(?:\.\d+)?)\s*(ms|s|m|h|d)?$/.exec(given) ?? [];
    const result = Number(number) * (UNITS_MS[unit] ?? Number.NaN);
    if (!(result >= minMs && result <= maxMs)) {
      context.addIssue('not a duration');
      return z.NEVER;
    }
    return result;
  };

const listed = (list: string): string[] =>
  list
    .split(',')
    .map((item) => item.trim())
    .filter(Boolean);

/** A node as it was given: where it is, and its part of the room. */
const parseNode = (given: string, context: z.RefinementCtx): { url: string; share: number } => {
  const [, url = given, share = '1'] = /^(.*)=(\d{1,6}(?:\.\d{1,6})?)$/.exec(given) ?? [];
  if (Number(share) === 0) {
    context.addIssue('no share at all');
    return z.NEVER;
  }
  return { url: origin(url, context), share: Number(share) };
};

/** A folder as it was given, with how much of its disk may be used, where that was said. */
const parseDisk = (given: string, context: z.RefinementCtx): { path: string; sizeBytes?: number } => {
  const [, path, size] = /^(.+)=([^=/]*)$/.exec(given) ?? [];
  if (path === undefined || size === undefined) return { path: resolve(given) };
  return { path: resolve(path), sizeBytes: bytes(size, context) };
};

/** A machine's name, made into one that is allowed. */
export const toAlias = (name: string): string => name.replace(/[^\w.-]/g, '-').slice(0, 63) || 'farmer';

const ALIAS = /^[\w.-]{1,63}$/;

const wholeNumber = (least: number, most: number) =>
  text.regex(/^\d+$/).transform(Number).pipe(z.number().min(least).max(most));

/** Everything an operator can set. The README's table, the flags and the error messages come from here. */
export const SETTINGS = {
  nodes: {
    env: 'FARMER_NODE_URL',
    flag: '--node-url',
    value: '<urls>',
    description:
      'The node to farm for, or several, comma-separated. They share the room equally, or as `url=share` says (`https://a.example=3,https://b.example=1`). `downstream <url>` means the same.',
    allowed:
      'http or https URLs without user, query or fragment, such as http://localhost:5000, separated by commas, each with a share (=2) or without',
    schema: text
      .max(16_384)
      .transform(listed)
      .pipe(z.array(text.max(2048).transform(parseNode)).min(1).max(100)),
    default: 'http://localhost:5000',
  },
  nodeAliases: {
    env: 'FARMER_NODE_ALIAS',
    flag: '--node-alias',
    value: '<names>',
    description:
      'What people call the nodes, comma-separated in the same order: the label `node` of metrics, and in logs.',
    allowed:
      'as many different names as there are nodes, each of up to 63 letters, digits, dots, hyphens and underscores',
    schema: text.transform(listed).pipe(z.array(text.regex(ALIAS))),
    default: '',
    defaultDescription: "the URLs' hosts",
  },
  address: {
    env: 'FARMER_ADDRESS',
    flag: '--address',
    value: '<address>',
    description: 'The SJCX address that is to be paid. Required.',
    allowed: 'the SJCX (Bitcoin) address that is to be paid: 26 to 35 letters and digits, starting with 1',
    schema: text.refine(isSjcxAddress),
    defaultDescription: 'none, required',
  },
  alias: {
    env: 'FARMER_ALIAS',
    flag: '--alias',
    value: '<name>',
    description: 'What people call this farmer: shown on its page, in `/status` and when it starts.',
    allowed: 'a name of up to 63 letters, digits, dots, hyphens and underscores',
    schema: text.regex(ALIAS),
    default: toAlias(hostname()),
    defaultDescription: "the machine's name",
  },
  size: {
    env: 'FARMER_SIZE',
    flag: '--size',
    value: '<bytes>',
    description: 'How much disk to give: bytes, or with a unit (`512MiB`, `1GB`). A contract takes 32 MiB.',
    allowed: 'a number of bytes above 0, or with a unit: 512MiB, 1GB',
    schema: text.transform(bytes).optional(),
    defaultDescription: '`256MiB`, unless `FARMER_DATA_DIR` says it for each folder',
  },
  folders: {
    env: 'FARMER_DATA_DIR',
    flag: '--data-dir',
    value: '<folders>',
    description:
      'Where state, chunks and genesis file are kept; made where it is not there. Several disks: `path=capacity,path=capacity`; the first also holds the state.',
    allowed: 'a folder that can be written to, or several, each with its capacity: /mnt/a/farm=500GB,/mnt/b/farm=1TB',
    schema: text.transform(listed).pipe(z.array(text.max(4096).transform(parseDisk)).min(1).max(100)),
    default: join(homedir(), '.downstream'),
    defaultDescription: '`~/.downstream`; `/data` in the image',
  },
  init: {
    env: 'FARMER_INIT',
    flag: '--init',
    description:
      'For the first start: begin in folders that are empty, or not there with nothing beside them. Without it they are refused, since a disk may not be mounted.',
    allowed: 'true or false',
    schema: z.enum(['true', 'false']).transform((value) => value === 'true'),
    default: 'false',
  },
  minFreeBytes: {
    env: 'FARMER_MIN_FREE',
    flag: '--min-free',
    value: '<bytes>',
    description: 'How much of each disk stays free: with less, no contracts are taken, until there is more again.',
    allowed: 'a number of bytes, or with a unit: 512MiB, 1GB; 0 for none',
    schema: text.transform((given, context) => (/^0+[a-z]*$/i.test(given.trim()) ? 0 : bytes(given, context))),
    default: '256MiB',
  },
  genesisPath: {
    env: 'FARMER_GENESIS',
    flag: '--genesis',
    value: '<file>',
    description: 'Another genesis file than the standard one; with its hash.',
    allowed: 'the path of a genesis file, and its hash as FARMER_GENESIS_SHA256, or neither',
    schema: text.optional(),
    defaultDescription: 'the standard one',
  },
  genesisSha256: {
    env: 'FARMER_GENESIS_SHA256',
    flag: '--genesis-sha256',
    value: '<hex>',
    description: "That genesis file's SHA-256.",
    allowed: '64 lowercase hex characters, and the file as FARMER_GENESIS, or neither',
    schema: sha256Hex.optional(),
    defaultDescription: '',
  },
  downloadOrigins: {
    env: 'FARMER_DOWNLOAD_ORIGINS',
    flag: '--download-origins',
    value: '<urls>',
    description: "Servers, comma-separated, that chunks may be downloaded from besides the node's own.",
    allowed: 'http or https origins separated by commas, such as https://chunks.example.org',
    schema: text.transform(listed).pipe(z.array(text.transform(origin))),
    default: '',
    defaultDescription: "only the node's own",
  },
  nodeMoved: {
    env: 'FARMER_NODE_MOVED',
    flag: '--node-moved',
    description:
      'The one node with a new URL is the one that the data directory farms for already, at a new place. For one start.',
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
    defaultDescription: '`127.0.0.1`; `0.0.0.0` in the image',
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
    allowed: 'seconds, or a time with ms, s, m or h, from 100ms to 24h',
    schema: text.transform(milliseconds(100, UNITS_MS['d'] ?? 0)).optional(),
    defaultDescription: "a tenth of the contracts' shortest interval, from 1 s to 60 s",
  },
  workers: {
    env: 'FARMER_WORKERS',
    flag: '--workers',
    value: '<count>',
    description: 'Threads that make and prove chunks.',
    allowed: 'a whole number from 1 to 64',
    schema: wholeNumber(1, 64),
    default: String(Math.min(4, availableParallelism())),
    defaultDescription: 'one a processor, at most 4',
  },
  readTimeoutMs: {
    env: 'FARMER_READ_TIMEOUT',
    flag: '--read-timeout',
    value: '<time>',
    description:
      'How long reading one chunk may take before its disk is given up for this time: seconds, or with a unit.',
    allowed: 'seconds, or a time with ms, s, m or h, from 100ms to 1h',
    schema: text.transform(milliseconds(100, 3_600_000)),
    default: '30s',
  },
  scrubCycleMs: {
    env: 'FARMER_SCRUB_CYCLE',
    flag: '--scrub-cycle',
    value: '<time>',
    description:
      'In what time every chunk is to be read and compared with its hash, besides proofs: with a unit (`12h`, `14d`), or `off`.',
    allowed: 'a time with s, m, h or d, from 1s to 365d, or off',
    schema: text.transform((given, context) =>
      given === 'off' ? undefined : milliseconds(1_000, 365 * 86_400_000)(given, context),
    ),
    default: '14d',
  },
  journalSize: {
    env: 'FARMER_JOURNAL_SIZE',
    flag: '--journal-size',
    value: '<count>',
    description: 'The last challenges that are kept with their times, for `downstream explain`.',
    allowed: 'a whole number from 0 to 100000',
    schema: wholeNumber(0, 100_000),
    default: '20000',
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
    defaultDescription: '`pretty` on a terminal, else `json`',
  },
} as const;
