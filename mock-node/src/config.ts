import { PRESET_NAMES } from '@downstream/control-api';
import {
  checkGenesisSettings,
  createAllowedHostsSetting,
  createGenesisSettings,
  createHostSetting,
  createLogSettings,
  createSecretFileSetting,
  findUnknownVariables,
  getUsedNames,
  integerBetween,
  nameSettings,
  oneOf,
  parseSettings,
  pathSchema,
  type SettingsInput,
  type UnknownVariable,
  type Values,
} from '@downstream/platform';
import { isSjcxAddress } from '@downstream/protocol';
import { z } from 'zod';

const text = z.string();
const list = text.transform((value) => value.split(',').map((each) => each.trim()));

const CONTROL_TOKEN_NAMES = { env: 'MOCK_CONTROL_TOKEN', flag: '--control-token' } as const;
const CONTROL_TOKEN = {
  ...CONTROL_TOKEN_NAMES,
  value: '<text>',
  description:
    'Token that the control API requires as `Authorization: Bearer …`. Do not set it as a flag: other users of the machine can read flags.',
  allowed: '8 to 200 printable ASCII characters without spaces',
  sensitive: 'all',
  schema: text.regex(/^[\x21-\x7e]{8,200}$/).optional(),
  defaultDescription: 'none: no authentication',
  secretFile: createSecretFileSetting(CONTROL_TOKEN_NAMES),
} as const;

/** All settings. The table in docs/settings.md, the flags and the error messages derive from this table. */
export const SETTINGS = {
  host: createHostSetting({ env: 'MOCK_HOST', flag: '--host', description: 'Address to listen on.' }),
  port: {
    env: 'MOCK_PORT',
    flag: '--port',
    value: '<port>',
    description: 'Port of the node API; 0 picks a free port.',
    allowed: 'a port from 0 to 65535',
    schema: integerBetween(0, 65_535),
    default: '5000',
  },
  controlPort: {
    env: 'MOCK_CONTROL_PORT',
    flag: '--control-port',
    value: '<port>',
    description:
      'Port of the control API and of the page, which faults do not affect; 0 picks a free port, `off` disables both.',
    allowed: 'a port from 0 to 65535, or off',
    schema: z.union([z.literal('off').transform(() => undefined), integerBetween(0, 65_535)]),
    default: '5001',
  },
  controlToken: CONTROL_TOKEN,
  controlTokenFile: CONTROL_TOKEN.secretFile,
  allowedHosts: createAllowedHostsSetting('MOCK'),
  seed: {
    env: 'MOCK_SEED',
    flag: '--seed',
    value: '<text>',
    description:
      'Seed of tokens, secrets, challenges and faults. The same seed repeats a run, so a node that loses its state issues the same tokens again, to other farmers.',
    allowed: '1 to 200 characters',
    schema: text.min(1).max(200).optional(),
    defaultDescription: 'a new one for each start',
  },
  intervalMs: {
    env: 'MOCK_INTERVAL',
    flag: '--interval',
    value: '<seconds>',
    description: 'Time between two challenges of a contract.',
    allowed: 'seconds from 1 to 31536000',
    schema: text
      .regex(/^\d+(\.\d+)?$/)
      .transform(Number)
      .pipe(z.number().min(1).max(31_536_000))
      .transform((seconds) => Math.round(seconds * 1000)),
    default: '60',
  },
  maxContracts: {
    env: 'MOCK_MAX_CONTRACTS',
    flag: '--max-contracts',
    value: '<count>',
    description: 'Maximum running contracts, over all farmers.',
    allowed: 'an integer from 0 to 1000000',
    schema: integerBetween(0, 1_000_000),
    default: '10000',
  },
  maxFailures: {
    env: 'MOCK_MAX_FAILURES',
    flag: '--max-failures',
    value: '<count>',
    description: 'Consecutive failed challenges that end a contract.',
    allowed: 'an integer from 1 to 1000000',
    schema: integerBetween(1, 1_000_000),
    default: '10',
  },
  contractForm: {
    env: 'MOCK_CONTRACT_FORM',
    flag: '--contract-form',
    value: '<form>',
    description:
      'What a contract contains: the `secret` from which to generate its chunk, or the `url` to download it.',
    allowed: 'secret or url',
    schema: oneOf(['secret', 'url']),
    default: 'secret',
  },
  scheme: {
    env: 'MOCK_SCHEME',
    flag: '--scheme',
    value: '<name>',
    description: 'Proof scheme of the v1 API: `merkle` or `swizzle`.',
    allowed: 'merkle or swizzle',
    schema: oneOf(['merkle', 'swizzle']),
    default: 'merkle',
  },
  chunkSizesBytes: {
    env: 'MOCK_CHUNK_SIZES',
    flag: '--chunk-sizes',
    value: '<bytes>',
    description: 'Sizes of chunks in the v1 API, separated by commas. A request gets the largest ones that fit.',
    allowed: 'one to ten integers from 1 to 134217728',
    schema: list.pipe(z.array(integerBetween(1, 134_217_728)).min(1).max(10)),
    default: '33554432',
  },
  challengesPerChunk: {
    env: 'MOCK_CHALLENGES',
    flag: '--challenges',
    value: '<count>',
    description:
      'Challenges for each chunk in the v1 API with the scheme `merkle`. A contract ends after the last one.',
    allowed: 'an integer from 1 to 65536',
    schema: integerBetween(1, 65_536),
    default: '256',
  },
  checkFraction: {
    env: 'MOCK_CHECK_FRACTION',
    flag: '--check-fraction',
    value: '<fraction>',
    description: 'Part of a chunk that one challenge covers in the v1 API.',
    allowed: 'a number from 0 to 1',
    schema: text
      .regex(/^\d+(\.\d+)?$/)
      .transform(Number)
      .pipe(z.number().min(0).max(1)),
    default: '0.01',
  },
  preparedChunks: {
    env: 'MOCK_PREPARED_CHUNKS',
    flag: '--prepared-chunks',
    value: '<count>',
    description: 'Chunks of each size to keep ready for the v1 API, from the first farmer on.',
    allowed: 'an integer from 1 to 10000',
    schema: integerBetween(1, 10_000),
    default: '10',
  },
  requiresSignature: {
    env: 'MOCK_REQUIRE_SIGNATURE',
    flag: '--require-signature',
    value: '<boolean>',
    description: 'Whether the v1 API requires a signature of the address for a new token.',
    allowed: 'true or false',
    schema: oneOf(['true', 'false']).transform((value) => value === 'true'),
    default: 'false',
  },
  whitelist: {
    env: 'MOCK_WHITELIST',
    flag: '--whitelist',
    value: '<addresses>',
    description: 'The addresses that get tokens of the v1 API, separated by commas.',
    allowed: 'SJCX addresses',
    schema: list.pipe(z.array(text.refine(isSjcxAddress)).min(1)).optional(),
    defaultDescription: 'none: every address gets tokens',
  },
  tokensPerClient: {
    env: 'MOCK_TOKENS_PER_IP',
    flag: '--tokens-per-ip',
    value: '<count>',
    description: 'Maximum farmers with the same IP address in the v1 API.',
    allowed: 'an integer from 1 to 1000000',
    schema: integerBetween(1, 1_000_000).optional(),
    defaultDescription: 'none',
  },
  preset: {
    env: 'MOCK_PRESET',
    flag: '--preset',
    value: '<name>',
    description: `Scenario to apply at the start: ${PRESET_NAMES.map((name) => `\`${name}\``).join(', ')}.`,
    allowed: `one of ${PRESET_NAMES.join(', ')}`,
    schema: oneOf(PRESET_NAMES).optional(),
    defaultDescription: 'none',
  },
  scenarioPath: {
    env: 'MOCK_SCENARIO',
    flag: '--scenario',
    value: '<file>',
    description: 'YAML or JSON file with faults and settings to apply at the start, after the preset.',
    allowed: 'the path of a file',
    schema: pathSchema.optional(),
    defaultDescription: 'none',
  },
  timeScale: {
    env: 'MOCK_TIME_SCALE',
    flag: '--time-scale',
    value: '<factor>',
    description: 'How much faster than real time the clock runs.',
    allowed: 'a number from 0.001 to 1000000',
    schema: text
      .regex(/^\d+(\.\d+)?$/)
      .transform(Number)
      .pipe(z.number().min(0.001).max(1_000_000)),
    default: '1',
  },
  journalSize: {
    env: 'MOCK_JOURNAL_SIZE',
    flag: '--journal-size',
    value: '<count>',
    description: 'Number of latest requests to keep in the journal.',
    allowed: 'an integer from 0 to 100000',
    schema: integerBetween(0, 100_000),
    default: '1000',
  },
  statePath: {
    env: 'MOCK_STATE',
    flag: '--state',
    value: '<file>',
    description: 'File that keeps farmers, contracts and the clock across restarts. Created if missing.',
    allowed: 'the path of a file',
    schema: pathSchema.optional(),
    defaultDescription: 'none: state is kept in memory',
  },
  files: {
    env: 'MOCK_FILES',
    flag: '--files',
    value: '<directory>',
    description: 'Directory of files for ownership challenges.',
    allowed: 'the path of a directory',
    schema: pathSchema.optional(),
    defaultDescription: 'none',
  },
  ...createGenesisSettings('MOCK'),
  ...createLogSettings('MOCK'),
} as const;

export type MockConfig = Values<typeof SETTINGS>;

/** Finds environment variables with the prefix `MOCK_` that are not settings, and suggests similar ones. */
export function listUnknownVariables(env: SettingsInput['env'] = process.env): UnknownVariable[] {
  return findUnknownVariables(SETTINGS, 'MOCK_', env);
}

/** Names the settings in an error message as the operator did. */
export function nameUsedSettings(message: string, { flags, env = process.env }: Partial<SettingsInput>): string {
  const usedNames = getUsedNames(SETTINGS, { env, ...(flags && { flags }) });
  return nameSettings(message, SETTINGS, { usedNames, env });
}

/** @throws SettingsError with a line for every invalid setting */
export function readConfig({ flags, env = process.env }: Partial<SettingsInput> = {}): MockConfig {
  const config = parseSettings(SETTINGS, { env, ...(flags && { flags }) });
  checkGenesisSettings(SETTINGS, config);
  return config;
}
