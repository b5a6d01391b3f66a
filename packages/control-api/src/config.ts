import { z } from 'zod';

const fields = {
  intervalMs: z
    .number()
    .int()
    .min(1)
    .max(31_536_000_000)
    .describe('Between two challenges of a contract taken from now on, by the node’s clock.'),
  maxContracts: z.number().int().min(0).max(1_000_000).describe('Contracts running at once, over all farmers.'),
  maxFailures: z.number().int().min(1).max(1_000_000).describe('Failed challenges in a row that end a contract.'),
  contractForm: z.enum(['secret', 'url']).describe('What contracts carry.'),
};

/** What can be set while the node runs. */
export const config = z.strictObject(fields);
export type Config = z.output<typeof config>;

export const configChange = z.strictObject(fields).partial();
export type ConfigChange = z.output<typeof configChange>;
