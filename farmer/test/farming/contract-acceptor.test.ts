import { describe, expect, it } from '@jest/globals';
import type { WaitReason } from '../../src/contract/waiting.ts';
import { ChunkError, NodeError } from '../../src/farming/errors.ts';
import { aFarmer } from '../fakes/fake-farmer.ts';

const SECOND = 1_000;
type TestFarmer = ReturnType<typeof aFarmer>;

const never = new Promise<never>(() => {});
const fail = (error: Error) => () => {
  throw error;
};

describe('ContractAcceptor', () => {
  it.each<[string, WaitReason | undefined, (farmer: TestFarmer) => unknown]>([
    ['nothing during a request', undefined, ({ node }) => Object.assign(node.delays, { offer: never })],
    ['a token', 'no_token', ({ node }) => Object.assign(node.faults, { rejectsRegistrations: true })],
    ['capacity', 'share_used', ({ node }) => Object.assign(node, { supply: 10 })],
    ['disk space', 'no_space', ({ freeSpace }) => Object.assign(freeSpace, { bytes: 0 })],
    ['chunks', 'generating', ({ chunks }) => Object.assign(chunks, { createTime: async () => await never })],
    ['an offer', 'no_offer', ({ node }) => Object.assign(node, { supply: 2 })],
    [
      'a successful request',
      'request_failed',
      ({ node }) => Object.assign(node, { requestContracts: fail(new NodeError('unreachable', 'chunk', 'down')) }),
    ],
    [
      'a contract whose chunk matches',
      'offers_rejected',
      ({ chunks }) => Object.assign(chunks, { create: fail(new ChunkError('hash_mismatch', 'differs')) }),
    ],
    ['the state', 'not_stored', ({ store }) => Object.assign(store, { insert: fail(new Error('full')) })],
    ['the end of an exit', 'exited', ({ worker }) => worker.exit.start()],
  ])('reports that it waits for %s', async (_, reason, prepare) => {
    const farmer = aFarmer({ contracts: 8 });
    prepare(farmer);
    farmer.start();
    await farmer.clock.advance(10 * SECOND);
    expect(farmer.worker.waitsFor).toBe(reason);
  });
});
