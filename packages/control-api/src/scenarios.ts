import { z } from 'zod';
import { configChange } from './config.ts';
import { faultName, faults } from './faults.ts';

/** Settings and faults that belong together, under a name: what is built in, mounted at the start, or defined at run time. */
export const scenario = z.strictObject({
  name: faultName,
  description: z.string().max(1_000).default(''),
  config: configChange.default({}).describe('Settings that it brings along.'),
  faults: faults.default([]),
});
export type Scenario = z.output<typeof scenario>;
export type ScenarioInput = z.input<typeof scenario>;

/** The scenarios that every mock node has. */
export const PRESET_NAMES = ['flaky', 'slow', 'offline', 'forgetful', 'tight-deadlines', 'hostile'] as const;
export type PresetName = (typeof PRESET_NAMES)[number];

/** A scenario as it is put under a name, which need not be said twice. */
export const scenarioDefinition = scenario.extend({
  name: faultName.optional().describe('As in the path, where it is given.'),
});
