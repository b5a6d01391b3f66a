import { availableParallelism, homedir, hostname } from 'node:os';
import { join } from 'node:path';
import {
  createAllowedHostsSetting,
  createGenesisSettings,
  createHostSetting,
  createLogSettings,
  createSecretFileSetting,
  integerBetween,
  oneOf,
  parseBytes,
  pathSchema,
  rejectWithHint,
} from '@downstream/platform';
import { findAddressMistake, token } from '@downstream/protocol';
import { z } from 'zod';
import { NODE_APIS } from './farming/ports.ts';
import { isException } from './node/proxy.ts';
import { parseOrigin, parseProxy } from './url-setting.ts';

const text = z.string();

const parseSize = (input: string, context: z.RefinementCtx): number => {
  const size = parseBytes(input);
  if (size !== undefined && size > 0) return size;
  const [, number, prefix] = /^\s*([\d.]+)\s*([kmgt])$/i.exec(input) ?? [];
  const unit = prefix?.toUpperCase();
  return rejectWithHint(context, unit === undefined ? '' : `write ${number}${unit}B or ${number}${unit}iB`);
};

const UNITS_MS: Readonly<Record<string, number>> = { ms: 1, s: 1_000, m: 60_000, h: 3_600_000, d: 86_400_000 };

/** Creates a parser of durations: a number of seconds, or a number with a unit. */
const durationBetween =
  (minMs: number, maxMs: number) =>
  (input: string, context: z.RefinementCtx): number => {
    const [, number, unit = 's'] = /^(\d+(?:\.\d+)?)\s*(ms|s|m|h|d)?$/.exec(input) ?? [];
    const result = Number(number) * (UNITS_MS[unit] ?? Number.NaN);
    if (!(result >= minMs && result <= maxMs)) {
      context.addIssue('not a duration in range');
      return z.NEVER;
    }
    return result;
  };

const splitList = (list: string): string[] =>
  list
    .split(',')
    .map((item) => item.trim())
    .filter(Boolean);

const MAX_LIST_ITEMS = 100;

const splitNonEmptyList = (list: string, context: z.RefinementCtx): [string, ...string[]] => {
  const [first, ...others] = splitList(list);
  if (first === undefined || others.length >= MAX_LIST_ITEMS) {
    context.addIssue('not a list of 1 to 100 items');
    return z.NEVER;
  }
  return [first, ...others];
};

/** Parses `url` or `url=share`. */
const parseNode = (input: string, context: z.RefinementCtx): { url: string; share: number } => {
  const [, url = input, share = '1'] = /^(.*)=(\d{1,6}(?:\.\d{1,6})?)$/.exec(input) ?? [];
  return { url: parseOrigin(url, context), share: Number(share) };
};

/** Parses `path` or `path=capacity`. */
const parseFolder = (input: string, context: z.RefinementCtx): { path: string; sizeBytes?: number } => {
  const [, path = input, size] = /^(.+)=([^=/]*)$/.exec(input) ?? [];
  const { data, error } = pathSchema.safeParse(path);
  if (error) return rejectWithHint(context, error.issues[0]?.message ?? '');
  return size === undefined ? { path: data } : { path: data, sizeBytes: parseSize(size, context) };
};

/** Replaces characters that an alias may not contain. */
export const toAlias = (name: string): string => name.replace(/[^\w.-]/g, '-').slice(0, 63) || 'farmer';

const node = text.max(2048).transform(parseNode);
const folder = text.max(4096).transform(parseFolder);

const API_CHOICES = ['auto', ...NODE_APIS] as const;
const api = oneOf(API_CHOICES);

const SWITCH = {
  allowed: 'true or false',
  schema: oneOf(['true', 'false']).transform((value) => value === 'true'),
  default: 'false',
} as const;

const ALIAS = /^[\w.-]{1,63}$/;

const PROXY_NAMES = { env: 'FARMER_PROXY', flag: '--proxy' } as const;
const PROXY = {
  ...PROXY_NAMES,
  value: '<url>',
  description:
    'HTTP proxy for requests to nodes and for downloads, such as `http://proxy.example:3128`, optionally with `user:password@`. This machine itself (loopback) is always reached directly. `HTTP_PROXY` and similar variables have no effect.',
  allowed: 'an http or https URL with host, port and optionally a user, such as http://proxy.example:3128',
  sensitive: 'credentials in URLs',
  schema: text.max(2048).transform(parseProxy),
  default: '',
  defaultDescription: 'none',
  secretFile: createSecretFileSetting(PROXY_NAMES),
} as const;

const TOKEN_NAMES = { env: 'FARMER_TOKEN', flag: '--token' } as const;
const TOKEN = {
  ...TOKEN_NAMES,
  short: '-t',
  value: '<token>',
  description:
    'Token to use for the node, such as that of another farmer. If the node does not know it, the farmer requests a new one. Ignored while the farmer has contracts with another token. Only for one node; other users of the machine can read flags.',
  allowed: '8 to 128 letters, digits, hyphens and underscores',
  sensitive: 'all',
  schema: token.optional(),
  defaultDescription: 'the one in the state, or a new one',
  secretFile: createSecretFileSetting(TOKEN_NAMES),
} as const;

/** All settings of the farmer: the source of docs/settings.md, the command-line flags and the error messages. */
export const SETTINGS = {
  configPath: {
    env: 'FARMER_CONFIG',
    flag: '--config',
    value: '<file>',
    description:
      'Configuration file in YAML, with the names of the flags: `size: 500GB`. Variables and flags override it.',
    allowed: 'the path of a YAML file',
    schema: pathSchema.optional(),
    defaultDescription: 'none',
  },
  nodes: {
    env: 'FARMER_NODE_URL',
    flag: '--node-url',
    value: '<urls>',
    description:
      'Nodes to farm for, comma-separated. They share the capacity equally, or in proportion to `url=share` (`https://a.example=3,https://b.example=1`). `downstream <url>` does the same.',
    allowed:
      'http or https URLs without user, query or fragment, separated by commas and each optionally followed by =share, such as http://localhost:5000 or https://a.example=2',
    sensitive: 'credentials in URLs',
    isList: true,
    schema: text
      .max(16_384)
      .transform(splitNonEmptyList)
      .pipe(z.tuple([node], node)),
    default: 'http://localhost:5000',
  },
  nodeAliases: {
    env: 'FARMER_NODE_ALIAS',
    flag: '--node-alias',
    value: '<names>',
    description:
      'Names of the nodes in metrics (label `node`), logs and on the status page, comma-separated, in the order of their URLs.',
    allowed:
      'one unique name per node, separated by commas, each of up to 63 letters, digits, dots, hyphens and underscores',
    isList: true,
    schema: text.transform(splitList).pipe(z.array(text.regex(ALIAS))),
    default: '',
    defaultDescription: 'host and port of each URL',
  },
  apis: {
    env: 'FARMER_PROTOCOL',
    flag: '--protocol',
    value: '<names>',
    description:
      'API of the nodes: `v1`, `prototype`, or `auto` to detect it (`prototype` if a node serves both). For nodes that differ, one name for each, comma-separated, in the order of their URLs.',
    choices: API_CHOICES,
    allowed: 'auto, prototype or v1 for all nodes, or one of them per node, separated by commas',
    isList: true,
    schema: text
      .max(1_024)
      .transform(splitNonEmptyList)
      .pipe(z.tuple([api], api)),
    default: 'auto',
  },
  address: {
    env: 'FARMER_ADDRESS',
    flag: '--address',
    short: '-a',
    value: '<address>',
    description: 'SJCX address that receives the payout.',
    allowed: 'an SJCX (Bitcoin) address of 26 to 35 letters and digits, starting with 1',
    schema: text.transform((address, context) => {
      const mistake = findAddressMistake(address);
      return mistake === undefined ? address : rejectWithHint(context, mistake);
    }),
    defaultDescription: 'the first address of `FARMER_IDENTITY_FILE`; required without one',
  },
  identityPath: {
    env: 'FARMER_IDENTITY_FILE',
    flag: '--identity',
    short: '-i',
    value: '<file>',
    description:
      'JSON file with a signed message that proves who owns the address, for nodes that require it: `{"<address>": {"message": "…", "signature": "…"}}`. Without `FARMER_ADDRESS`, its first address is used.',
    allowed: 'the path of a JSON file',
    schema: pathSchema.optional(),
    defaultDescription: '`data/identities.json` in the working directory, if it exists',
  },
  token: TOKEN,
  tokenFile: TOKEN.secretFile,
  forceNewToken: {
    env: 'FARMER_FORCENEW',
    flag: '--forcenew',
    short: '-f',
    description:
      'Request a new token at the start. Ignored for a node with contracts, which would be lost. Not needed for a node that has lost its state.',
    ...SWITCH,
  },
  historyPath: {
    env: 'FARMER_HISTORY',
    flag: '--history',
    short: '-p',
    value: '<file>',
    description:
      'History file of the original farmer, in JSON: the farmer uses its tokens for nodes without one in the state, and adds its own. By default, also the address and the URL are those of the node that it used last.',
    allowed: 'the path of a JSON file in an existing directory; the farmer creates the file',
    schema: pathSchema.optional(),
    defaultDescription: 'none: tokens are only in the state',
  },
  alias: {
    env: 'FARMER_ALIAS',
    flag: '--alias',
    value: '<name>',
    description: 'Name of this farmer on its status page, in `/status` and in its first log line.',
    allowed: 'a name of up to 63 letters, digits, dots, hyphens and underscores',
    schema: text.regex(ALIAS),
    default: toAlias(hostname()),
    defaultDescription: "the machine's host name",
  },
  size: {
    env: 'FARMER_SIZE',
    flag: '--size',
    short: '-s',
    value: '<bytes>',
    description:
      'Disk capacity for chunks: bytes, or with a unit (`512MiB`, `1GB`). A contract of the prototype API uses 32 MiB; in the v1 API, nodes offer chunks of different sizes.',
    allowed: 'a size above 0, in bytes or with a unit, such as 512MiB or 1GB',
    schema: text.transform(parseSize).optional(),
    defaultDescription: '`256MiB`, unless `FARMER_DATA_DIR` sets a capacity per directory',
  },
  folders: {
    env: 'FARMER_DATA_DIR',
    flag: '--data-dir',
    short: '-d',
    alias: '--data-directory',
    value: '<directories>',
    description:
      'Directory for state, chunks and genesis file. For several disks: `path=capacity,path=capacity`; the first one also holds the state. A path is taken literally: `~`, quotes and variables are not expanded.',
    allowed: 'a directory, or several with a capacity each, such as /mnt/a/farm=500GB,/mnt/b/farm=1TB',
    isList: true,
    schema: text.transform(splitNonEmptyList).pipe(z.tuple([folder], folder)),
    default: join(homedir(), '.downstream'),
    defaultDescription: '`~/.downstream`; `/data` in the image',
  },
  init: {
    env: 'FARMER_INIT',
    flag: '--init',
    description:
      'Start in missing and empty directories. Needed once for a new farmer or disk; otherwise such a directory is an error, because the path may be wrong or the disk not mounted.',
    ...SWITCH,
  },
  challengeCount: {
    env: 'FARMER_NUMBER',
    flag: '--number',
    short: '-n',
    value: '<count>',
    description:
      'Stop with exit code 0 after so many passed challenges, for a trial. It also starts in missing and empty directories.',
    allowed: 'an integer from 1 to 1000000000',
    schema: integerBetween(1, 1_000_000_000).optional(),
    defaultDescription: 'none: run until stopped',
  },
  minFreeBytes: {
    env: 'FARMER_MIN_FREE',
    flag: '--min-free',
    value: '<bytes>',
    description: 'Space to keep free on each disk. With less, the farmer accepts no new contracts.',
    allowed: 'a size in bytes or with a unit, such as 512MiB or 1GB; 0 keeps nothing free',
    schema: text.transform((input, context) => (/^0+[a-z]*$/i.test(input.trim()) ? 0 : parseSize(input, context))),
    default: '256MiB',
  },
  ...createGenesisSettings('FARMER'),
  downloadOrigins: {
    env: 'FARMER_DOWNLOAD_ORIGINS',
    flag: '--download-origins',
    value: '<urls>',
    description: "Origins besides the node's own from which chunks may be downloaded, comma-separated.",
    allowed: 'http or https origins separated by commas, such as https://chunks.example.org',
    sensitive: 'credentials in URLs',
    isList: true,
    schema: text.transform(splitList).pipe(z.array(text.transform(parseOrigin))),
    default: '',
    defaultDescription: "only the node's own",
  },
  proxyUrl: PROXY,
  proxyUrlFile: PROXY.secretFile,
  noProxy: {
    env: 'FARMER_NO_PROXY',
    flag: '--no-proxy',
    value: '<hosts>',
    description:
      'Hosts to reach without the proxy, comma-separated: names, which include their subdomains, addresses, and networks such as `10.0.0.0/8`.',
    allowed: 'host names, addresses or networks separated by commas, such as node.example,10.0.0.0/8',
    isList: true,
    schema: text.transform(splitList).pipe(z.array(text.refine(isException)).max(MAX_LIST_ITEMS)),
    default: '',
    defaultDescription: 'none',
  },
  caFile: {
    env: 'FARMER_CA_FILE',
    flag: '--ca-file',
    value: '<file>',
    description: 'Certificates of authorities to trust in addition to those of Node.js, in PEM format.',
    allowed: 'the path of a file with certificates in PEM format',
    schema: pathSchema.optional(),
    defaultDescription: 'none',
  },
  sslNoVerify: {
    env: 'FARMER_SSL_NO_VERIFY',
    flag: '--ssl-no-verify',
    description:
      'Do not verify the TLS certificates of nodes. **Insecure**: anyone between the farmer and a node can then read its token and answer in its name. Use `FARMER_CA_FILE` to trust a private certificate.',
    ...SWITCH,
  },
  nodeMoved: {
    env: 'FARMER_NODE_MOVED',
    flag: '--node-moved',
    description: 'Keep the contracts of a node whose URL has changed. Set it for one start only.',
    ...SWITCH,
  },
  httpHost: createHostSetting({
    env: 'FARMER_HTTP_HOST',
    flag: '--http-host',
    description: 'Address on which to serve the status page, metrics and health checks.',
  }),
  httpPort: {
    env: 'FARMER_HTTP_PORT',
    flag: '--http-port',
    value: '<port>',
    description: 'Port of the HTTP server; 0 selects a free port.',
    allowed: 'a port from 0 to 65535',
    schema: integerBetween(0, 65_535),
    default: '8080',
  },
  allowedHosts: createAllowedHostsSetting('FARMER'),
  pollIntervalMs: {
    env: 'FARMER_POLL_INTERVAL',
    flag: '--poll-interval',
    value: '<time>',
    description: 'How often to ask each node for open challenges: seconds, or with a unit (`500ms`, `2m`).',
    allowed: 'seconds, or a time with the unit ms, s, m or h, from 100ms to 24h',
    schema: text.transform(durationBetween(100, UNITS_MS['d'] ?? 0)).optional(),
    defaultDescription: 'a tenth of the shortest contract interval, from 1 s to 60 s',
  },
  workers: {
    env: 'FARMER_WORKERS',
    flag: '--workers',
    value: '<count>',
    description: 'Worker threads that generate, verify and prove chunks.',
    allowed: 'an integer from 1 to 64',
    schema: integerBetween(1, 64),
    default: String(Math.min(4, availableParallelism())),
    defaultDescription: 'one per processor, at most 4',
  },
  readTimeoutMs: {
    env: 'FARMER_READ_TIMEOUT',
    flag: '--read-timeout',
    value: '<time>',
    description: 'Timeout for reading one chunk: seconds, or with a unit.',
    allowed: 'seconds, or a time with the unit ms, s, m or h, from 100ms to 1h',
    schema: text.transform(durationBetween(100, 3_600_000)),
    default: '30s',
  },
  scrubCycleMs: {
    env: 'FARMER_SCRUB_CYCLE',
    flag: '--scrub-cycle',
    value: '<time>',
    description:
      'Period in which the scrub verifies every chunk that no proof has read: a time with a unit (`12h`, `14d`), or `off`.',
    allowed: 'a time with the unit s, m, h or d, from 1s to 365d, or off',
    schema: text.transform((input, context) =>
      input === 'off' ? undefined : durationBetween(1_000, 365 * 86_400_000)(input, context),
    ),
    default: '14d',
  },
  journalSize: {
    env: 'FARMER_JOURNAL_SIZE',
    flag: '--journal-size',
    value: '<count>',
    description: 'Number of recent challenges to keep, with their timeline, for `downstream explain`.',
    allowed: 'an integer from 0 to 100000',
    schema: integerBetween(0, 100_000),
    default: '20000',
  },
  ...createLogSettings('FARMER'),
  logPath: {
    env: 'FARMER_LOG_PATH',
    flag: '--log-path',
    value: '<file>',
    description: 'File to which log lines are also appended, as `json` unless `FARMER_LOG_FORMAT` is set.',
    allowed: 'the path of a file in an existing directory',
    schema: pathSchema.optional(),
    defaultDescription: 'none',
  },
  quiet: {
    env: 'FARMER_QUIET',
    flag: '--quiet',
    description: 'Write nothing to standard output. Use `FARMER_LOG_PATH` to keep a log.',
    ...SWITCH,
  },
  printLog: {
    env: 'FARMER_PRINT_LOG',
    flag: '--print-log',
    description: 'Print only log lines on a terminal, without the progress bar. Overrides `FARMER_QUIET`.',
    ...SWITCH,
  },
} as const;
