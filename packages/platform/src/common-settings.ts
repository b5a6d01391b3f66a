import { z } from 'zod';
import { LOG_FORMATS, LOG_LEVELS } from './logger.ts';
import { pathSchema } from './path-setting.ts';
import { type Setting, SettingsError } from './setting.ts';
import { rejectWithHint } from './settings.ts';
import { findSimilarName } from './similar-name.ts';

export const integerBetween = (min: number, max: number) =>
  z.string().regex(/^\d+$/).transform(Number).pipe(z.number().min(min).max(max));

/** One of several names. An unknown one is rejected with the most similar name as a hint. */
export const oneOf = <const Name extends string>(names: readonly Name[]) =>
  z.string().transform((input, context): Name => {
    const found = names.find((name) => name === input);
    if (found !== undefined) return found;
    const similar = findSimilarName(input, names);
    return rejectWithHint(context, similar === undefined ? '' : `did you mean ${similar}?`);
  });

/** The address to listen on. */
export function createHostSetting(names: Pick<Setting, 'env' | 'flag' | 'description'>) {
  return {
    ...names,
    value: '<host>',
    allowed: 'an address of this machine, or 0.0.0.0 for all of its addresses',
    schema: z.string().transform(parseHost),
    default: '127.0.0.1',
    defaultDescription: '`127.0.0.1`; `0.0.0.0` in the image',
  };
}

const HOST = /^[\w.:%-]{1,255}$/;

function parseHost(input: string, context: z.RefinementCtx): string {
  const mistake = findHostMistake(input);
  if (mistake !== undefined || !HOST.test(input)) return rejectWithHint(context, mistake ?? '');
  return input;
}

const HOST_PATTERN = /^(\*|\.?[a-z\d_-]+(\.[a-z\d_-]+)*)$/;

function parseHostPattern(input: string, context: z.RefinementCtx): string {
  return HOST_PATTERN.test(input) ? input : rejectWithHint(context, findHostMistake(input) ?? '');
}

function findHostMistake(input: string): string | undefined {
  if (input.includes('://')) return 'write a host instead of a URL';
  return /^[^:]*:\d*$/.test(input) ? 'remove the port' : undefined;
}

/** The names under which clients may reach a service. @param prefix of the environment variables: `FARMER` */
export function createAllowedHostsSetting(prefix: string) {
  return {
    env: `${prefix}_ALLOWED_HOSTS`,
    flag: '--allowed-hosts',
    value: '<names>',
    description:
      "Host names in URLs of this service, comma-separated; `.example.org` allows all names below it, `*` any name. IP addresses, `localhost` and the machine's own name are always allowed.",
    allowed: 'host names separated by commas, such as farmer.example.org or .example.org, or * for any name',
    isList: true,
    schema: z
      .string()
      .max(4_096)
      .transform((list) =>
        list
          .toLowerCase()
          .split(',')
          .map((name) => name.trim())
          .filter(Boolean),
      )
      .pipe(z.array(z.string().transform(parseHostPattern))),
    default: '',
    defaultDescription: 'none',
  };
}

/** The setting that names a file with the value of a secret one. */
export function createSecretFileSetting({ env, flag }: Pick<Setting, 'env' | 'flag'>) {
  return {
    env: `${env}_FILE`,
    flag: `${flag}-file`,
    value: '<file>',
    description: `File that contains the value of \`${env}\`, so that neither variables nor flags do.`,
    allowed: 'the complete path of a file',
    schema: z.string().optional(),
    defaultDescription: 'none',
  };
}

/** @param prefix of the environment variables: `FARMER` */
export function createLogSettings(prefix: string) {
  return {
    logLevel: {
      env: `${prefix}_LOG_LEVEL`,
      flag: '--log-level',
      value: '<level>',
      description: `Least severe level to log: ${LOG_LEVELS.map((level) => `\`${level}\``).join(', ')}.`,
      choices: LOG_LEVELS,
      allowed: `one of ${LOG_LEVELS.join(', ')}`,
      schema: oneOf(LOG_LEVELS),
      default: 'info',
    },
    logFormat: {
      env: `${prefix}_LOG_FORMAT`,
      flag: '--log-format',
      value: '<format>',
      description: '`json` (one object per line) or `pretty` (for a terminal).',
      choices: LOG_FORMATS,
      allowed: `one of ${LOG_FORMATS.join(', ')}`,
      schema: oneOf(LOG_FORMATS).optional(),
      defaultDescription: '`pretty` on a terminal, otherwise `json`',
    },
  };
}

/** @param prefix of the environment variables: `FARMER` */
export function createGenesisSettings(prefix: string) {
  const [path, sha256] = [`${prefix}_GENESIS`, `${prefix}_GENESIS_SHA256`];
  return {
    genesisPath: {
      env: path,
      flag: '--genesis',
      value: '<file>',
      description: `Custom genesis file. Requires \`${sha256}\`.`,
      allowed: `the path of a genesis file, together with ${sha256}`,
      schema: pathSchema.optional(),
      defaultDescription: 'the standard genesis file',
    },
    genesisSha256: {
      env: sha256,
      flag: '--genesis-sha256',
      value: '<hex>',
      description: 'SHA-256 of the custom genesis file.',
      allowed: `64 lowercase hex characters, together with ${path}`,
      schema: z.string().transform(parseSha256).optional(),
      defaultDescription: 'none',
    },
  };
}

function parseSha256(input: string, context: z.RefinementCtx): string {
  if (/^[0-9a-f]{64}$/.test(input)) return input;
  return rejectWithHint(
    context,
    /^[0-9a-f]{64}$/i.test(input) ? 'write it in lowercase' : `it has ${input.length} characters`,
  );
}

type GenesisSettings = ReturnType<typeof createGenesisSettings>;

/** @throws SettingsError if only one of the two settings is set */
export function checkGenesisSettings(
  settings: GenesisSettings,
  values: { readonly [Name in keyof GenesisSettings]?: string | undefined },
): void {
  const missing = (['genesisPath', 'genesisSha256'] as const).filter((name) => values[name] === undefined);
  const [name] = missing;
  if (name === undefined || missing.length > 1) return;
  const { env, allowed } = settings[name];
  const other = settings[name === 'genesisPath' ? 'genesisSha256' : 'genesisPath'];
  throw new SettingsError([`${env} is not set, but ${other.env} is: expected ${allowed}`]);
}
