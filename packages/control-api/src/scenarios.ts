import { z } from 'zod';
import { configChange } from './config.ts';
import { faultName, faults } from './faults.ts';

/** A named set of faults and settings: a preset, a scenario file, or a definition at run time. */
export const scenario = z.strictObject({
  name: faultName,
  description: z.string().max(1_000).default(''),
  config: configChange.default({}).describe('Settings to change when the scenario is applied.'),
  faults: faults.default([]),
});
export type Scenario = z.output<typeof scenario>;
export type ScenarioInput = z.input<typeof scenario>;

export const PRESET_NAMES = [
  'flaky',
  'slow',
  'offline',
  'forgetful',
  'tight-deadlines',
  'hostile',
  'hostile-v1',
  'lost-answers',
] as const;
export type PresetName = (typeof PRESET_NAMES)[number];

/** A scenario whose name is in the path of the request. */
export const scenarioDefinition = scenario.extend({
  name: faultName.optional().describe('Must equal the name in the path if present.'),
});
