import { PRESET_NAMES } from '@downstream/control-api';
import {
  checkGenesisSettings,
  createGenesisSettings,
  createHostSetting,
  createLogSettings,
  integerBetween,
  parseSettings,
  type SettingsInput,
  type Values,
} from '@downstream/platform';
import { z } from 'zod';

const text = z.string();

/** Everything that can be set. The table in docs/settings.md, the flags and the error messages come from here. */
export const SETTINGS = {
  host: createHostSetting({ env: 'MOCK_HOST', flag: '--host', description: 'Address to listen on.' }),
  port: {
    env: 'MOCK_PORT',
    flag: '--port',
    value: '<port>',
    description: 'The port; 0 for any free one.',
    allowed: 'a port from 0 to 65535',
    schema: integerBetween(0, 65_535),
    default: '5000',
  },
  controlPort: {
    env: 'MOCK_CONTROL_PORT',
    flag: '--control-port',
    value: '<port>',
    description: 'The port of the control API and of the page, which no fault ever hits; `off` for none.',
    allowed: 'a port from 0 to 65535, or off',
    schema: z.union([z.literal('off').transform(() => undefined), integerBetween(0, 65_535)]),
    default: '5001',
  },
  controlToken: {
    env: 'MOCK_CONTROL_TOKEN',
    flag: '--control-token',
    value: '<text>',
    description:
      'What the control API wants to see as `Authorization: Bearer …`; better given as a variable than as a flag, which other users of the machine can read.',
    allowed: 'a text of 8 to 200 printable characters without blanks',
    schema: text.regex(/^[\x21-\x7e]{8,200}$/).optional(),
    defaultDescription: 'none: whoever reaches the port',
  },
  seed: {
    env: 'MOCK_SEED',
    flag: '--seed',
    value: '<text>',
    description: 'What tokens, secrets and challenges are drawn from: the same seed repeats a run.',
    allowed: 'a text of 1 to 200 characters',
    schema: text.min(1).max(200),
    default: '42',
  },
  intervalMs: {
    env: 'MOCK_INTERVAL',
    flag: '--interval',
    value: '<seconds>',
    description: 'Seconds between two challenges of a contract.',
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
    description: 'Contracts running at once, over all farmers; beyond that there are no chunks.',
    allowed: 'an integer from 0 to 1000000',
    schema: integerBetween(0, 1_000_000),
    default: '10000',
  },
  maxFailures: {
    env: 'MOCK_MAX_FAILURES',
    flag: '--max-failures',
    value: '<count>',
    description: 'Failed challenges in a row that end a contract.',
    allowed: 'an integer from 1 to 1000000',
    schema: integerBetween(1, 1_000_000),
    default: '10',
  },
  contractForm: {
    env: 'MOCK_CONTRACT_FORM',
    flag: '--contract-form',
    value: '<form>',
    description: 'What contracts carry: the `secret` that makes the chunk, or the `url` that has it.',
    allowed: 'secret or url',
    schema: z.enum(['secret', 'url']),
    default: 'secret',
  },
  preset: {
    env: 'MOCK_PRESET',
    flag: '--preset',
    value: '<name>',
    description: `Faults to begin with: ${PRESET_NAMES.map((name) => `\`${name}\``).join(', ')}.`,
    allowed: `one of ${PRESET_NAMES.join(', ')}`,
    schema: z.enum(PRESET_NAMES).optional(),
    defaultDescription: 'none',
  },
  scenarioPath: {
    env: 'MOCK_SCENARIO',
    flag: '--scenario',
    value: '<file>',
    description:
      'A file of faults and settings to begin with, in YAML or JSON; after those of the preset, if there is one.',
    allowed: 'a file',
    schema: text.optional(),
    defaultDescription: 'none',
  },
  timeScale: {
    env: 'MOCK_TIME_SCALE',
    flag: '--time-scale',
    value: '<factor>',
    description: 'How much faster than real time the clock of the node runs.',
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
    description: 'The last requests that are kept to be looked at.',
    allowed: 'an integer from 0 to 100000',
    schema: integerBetween(0, 100_000),
    default: '1000',
  },
  statePath: {
    env: 'MOCK_STATE',
    flag: '--state',
    value: '<file>',
    description:
      'Where farmers, contracts and the time of the node are kept over restarts; made where it is not there.',
    allowed: 'a file',
    schema: text.optional(),
    defaultDescription: 'none: in memory',
  },
  files: {
    env: 'MOCK_FILES',
    flag: '--files',
    value: '<folder>',
    description: 'A folder whose plain files can be verified for ownership.',
    allowed: 'a folder',
    schema: text.optional(),
    defaultDescription: 'none',
  },
  ...createGenesisSettings('MOCK'),
  ...createLogSettings('MOCK'),
} as const;

export type MockConfig = Values<typeof SETTINGS>;

/** @throws SettingsError with a line for every invalid setting */
export function readConfig({ flags, env = process.env }: Partial<SettingsInput> = {}): MockConfig {
  const config = parseSettings(SETTINGS, { env, ...(flags && { flags }) });
  checkGenesisSettings(SETTINGS, config);
  return config;
}
