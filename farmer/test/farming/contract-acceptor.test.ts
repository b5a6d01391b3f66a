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

  it('requests as large chunks as fit, until the node has none for what is left', async () => {
    const farmer = aFarmer({ contracts: 10, chunkBytes: 100 });
    Object.assign(farmer.node, { supply: 100, chunkSizes: [300, 70] });
    farmer.start();
    await farmer.clock.advance(10 * SECOND);
    expect(farmer.table.list({ skip: 0, count: 9 }).map(({ terms }) => terms.sizeBytes)).toEqual([300, 300, 300, 70]);
    expect(farmer.node.requestedBytes.slice(0, 2)).toEqual([1_000, 30]);
    expect(farmer.worker).toMatchObject({ waitsFor: 'share_used', requestedBytes: 30 });
  });

  it('requests no larger chunks than the disks have space for, beside those being generated', async () => {
    const farmer = aFarmer({ contracts: 10, chunkBytes: 100 });
    Object.assign(farmer.node, { supply: 100, chunkSizes: [300] });
    farmer.chunks.createTime = async () => await never;
    farmer.freeSpace.bytes = 700;
    farmer.start();
    await farmer.clock.advance(10 * SECOND);
    expect(farmer.node.requestedBytes.slice(0, 2)).toEqual([700, 100]);
    expect(farmer.table.bytes).toBe(600);
    expect(farmer.worker.waitsFor).toBe('generating');
    farmer.freeSpace.bytes = 100;
    farmer.node.requestedBytes.length = 0;
    await farmer.clock.advance(60 * SECOND);
    expect(farmer.node.requestedBytes).toEqual([]);
  });

  it('asks for nothing while too little is left for a chunk of a fixed size', async () => {
    const farmer = aFarmer({ contracts: 4, chunkBytes: 100 });
    farmer.node.supply = 100;
    farmer.freeSpace.bytes = 250;
    farmer.start();
    await farmer.clock.advance(10 * SECOND);
    farmer.freeSpace.bytes = 99;
    farmer.node.requestedBytes.length = 0;
    await farmer.clock.advance(10 * SECOND);
    expect({ requested: farmer.node.requestedBytes, waitsFor: farmer.worker.waitsFor }).toEqual({
      requested: [],
      waitsFor: 'share_used',
    });
  });
});
