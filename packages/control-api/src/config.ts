import { z } from 'zod';

const fields = {
  intervalMs: z
    .number()
    .int()
    .min(1)
    .max(31_536_000_000)
    .describe('Node time between two challenges of a contract. Applies to contracts that are issued from now on.'),
  maxContracts: z.number().int().min(0).max(1_000_000).describe('Maximum running contracts, over all farmers.'),
  maxFailures: z.number().int().min(1).max(1_000_000).describe('Consecutive failed challenges that end a contract.'),
  contractForm: z.enum(['secret', 'url']).describe('What a contract contains to obtain its chunk.'),
};

export const config = z.strictObject(fields);
export type Config = z.output<typeof config>;

export const configChange = z.strictObject(fields).partial();
export type ConfigChange = z.output<typeof configChange>;
