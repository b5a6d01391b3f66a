import assert from 'node:assert/strict';
import { FakeClock, FakeLogger } from '@downstream/platform/testing';
import { describe, expect, it } from '@jest/globals';
import { CapacityShares } from '../../src/farming/capacity-shares.ts';
import { ContractTable } from '../../src/farming/contract-table.ts';
import { ContractTables } from '../../src/farming/contract-tables.ts';
import { Farmer } from '../../src/farming/farmer.ts';
import { createFreeSpace, FakeChunks, FakeNode, FakeOutcomes, FakeTags, MemoryStore } from '../fakes/fake-farmer.ts';

const SECOND = 1_000;

/** A farmer with `count` nodes and a capacity of `contracts` of `chunkBytes` for each. */
function createFarmer(count: number, contracts: number, { chunkBytes = 1 } = {}) {
  const clock = new FakeClock();
  const log = new FakeLogger();
  const chunks = new FakeChunks();
  const freeSpace = createFreeSpace();
  const nodes = Array.from({ length: count }, (_, at) => {
    const node = Object.assign(new FakeNode(clock), { supply: contracts, idsFrom: 10_000 * at });
    const store = new MemoryStore();
    const outcomes = new FakeOutcomes();
    const table = ContractTable.load({ chunkBytes }, { store, outcomes, clock, log });
    return { node, contracts: table, outcomes, store };
  });
  const farmer = new Farmer(
    { workers: 2, address: 'a', pollIntervalMs: 2 * SECOND },
    {
      nodes: nodes.map(({ store, ...components }, at) => ({
        ...components,
        alias: `node${at}`,
        chunks,
        tags: new FakeTags(),
        circuit: { retryAfterMs: undefined },
        tokens: store,
        exitStore: store,
        clockStore: store,
        nodeClock: components.node,
        log,
      })),
      contracts: new ContractTables(nodes.map((each) => each.contracts)),
      capacity: new CapacityShares(
        [count * contracts * chunkBytes],
        nodes.map(({ node, contracts: table, store }) => ({ share: 1, node, contracts: table, exitStore: store })),
      ),
      chunks,
      freeSpace,
      scrubs: new MemoryStore(),
      onScrubResult: () => {},
      clock,
      random: { next: () => 0.5 },
      log,
    },
  );
  farmer.start(
    (id) => chunks.present.has(id),
    () => {},
  );
  return { clock, chunks, freeSpace, farmer, nodes };
}

describe('Farmer with several nodes', () => {
  it('accepts contracts from all nodes even if one acknowledges answers slowly', async () => {
    const { clock, chunks, farmer, nodes } = createFarmer(2, 60);
    const [slow, quick] = nodes;
    chunks.proofTime = async () => await clock.sleep(100);
    if (slow) {
      slow.node.supply = 20;
      slow.node.delays.answer = async () => await clock.sleep(40 * SECOND);
    }
    if (quick) quick.node.supply = 0;
    await clock.advance(150 * SECOND);
    for (const { node } of nodes) node.supply = 60;
    await clock.advance(60 * SECOND);
    expect(nodes.map(({ contracts }) => contracts.size)).toEqual([20, 60]);
    expect(farmer.capacityEstimate).toBeGreaterThan(100);
  });

  it('accepts no more contracts than fit on the disks, even if all nodes offer some at once', async () => {
    const { clock, chunks, freeSpace, nodes } = createFarmer(3, 5);
    freeSpace.bytes = 1;
    chunks.createTime = async () => await new Promise(() => {});
    for (const { node } of nodes) node.delays.offer = clock.sleep(SECOND / 2);
    await clock.advance(SECOND);
    expect(nodes.reduce((sum, { contracts }) => sum + contracts.size, 0)).toBe(1);
  });

  it('divides the capacity in bytes among nodes with chunks of different sizes', async () => {
    const { clock, farmer, nodes } = createFarmer(2, 4, { chunkBytes: 100 });
    const [fixed, varying] = nodes;
    assert(fixed !== undefined && varying !== undefined);
    fixed.node.supply = 100;
    Object.assign(varying.node, { supply: 100, chunkSizes: [60, 25] });
    await clock.advance(30 * SECOND);
    expect(nodes.map(({ contracts: { size, bytes } }) => ({ size, bytes }))).toEqual([
      { size: 4, bytes: 400 },
      { size: 7, bytes: 385 },
    ]);
    expect(farmer.nodes.map(({ capacityBytes, capacityContracts }) => ({ capacityBytes, capacityContracts }))).toEqual([
      { capacityBytes: 400, capacityContracts: 4 },
      { capacityBytes: 400, capacityContracts: 7 },
    ]);
    expect(farmer.nodes.map(({ waitsFor }) => waitsFor)).toEqual(['share_used', 'share_used']);
    farmer.nodes[0]?.exit.start();
    await clock.advance(60 * SECOND);
    expect(fixed.contracts.bytes).toBe(0);
    const unused = 800 - varying.contracts.bytes;
    expect({ isEnough: unused >= 0, isTooLittle: unused < 25 }).toEqual({ isEnough: true, isTooLittle: true });
  });

  it('leaves the space that another node may need for its request in flight', async () => {
    const { clock, chunks, freeSpace, nodes } = createFarmer(2, 10, { chunkBytes: 100 });
    const [fixed, varying] = nodes;
    assert(fixed !== undefined && varying !== undefined);
    Object.assign(varying.node, { supply: 10, chunkSizes: [100] });
    freeSpace.bytes = 450;
    chunks.createTime = async () => await new Promise(() => {});
    fixed.node.delays.offer = new Promise(() => {});
    await clock.advance(5 * SECOND);
    expect(varying.node.requestedBytes[0]).toBe(350);
    expect(varying.contracts.bytes).toBe(300);
  });

  it('gives the capacity of a node that the farmer exits to the others, as its contracts are released', async () => {
    const { clock, farmer, nodes } = createFarmer(2, 4);
    const [left, kept] = nodes;
    assert(left !== undefined && kept !== undefined);
    kept.node.supply = 8;
    await clock.advance(5 * SECOND);
    expect(nodes.map(({ contracts }) => contracts.size)).toEqual([4, 4]);
    const release = Promise.withResolvers<void>();
    left.node.delays.release = release.promise;
    farmer.nodes[0]?.exit.start();
    await clock.advance(10 * SECOND);
    expect(farmer.nodes.map(({ capacityContracts }) => capacityContracts)).toEqual([4, 4]);
    expect(nodes.map(({ contracts }) => contracts.size)).toEqual([4, 4]);
    release.resolve();
    await clock.advance(60 * SECOND);
    expect(farmer.nodes.map(({ capacityContracts }) => capacityContracts)).toEqual([0, 8]);
    expect(nodes.map(({ contracts }) => contracts.size)).toEqual([0, 8]);
  });

  it('gives a node that is added to a full farmer the place of each contract that ends', async () => {
    const { clock, farmer, nodes } = createFarmer(2, 2);
    const [full, added] = nodes;
    assert(full !== undefined && added !== undefined);
    full.node.supply = 4;
    farmer.nodes[1]?.exit.start();
    await clock.advance(5 * SECOND);
    farmer.nodes[1]?.exit.cancel();
    await clock.advance(5 * SECOND);
    expect(nodes.map(({ contracts }) => contracts.size)).toEqual([4, 0]);
    expect(farmer.nodes.map(({ waitsFor }) => waitsFor)).toEqual(['share_used', 'capacity_used']);
    const [ended = ''] = full.contracts.ids();
    full.node.contracts.delete(ended);
    await clock.advance(120 * SECOND);
    expect(nodes.map(({ contracts }) => contracts.size)).toEqual([3, 1]);
  });

  it('keeps the chunk of a contract that another node issues while an ended one is still being created', async () => {
    const { clock, chunks, nodes } = createFarmer(2, 1);
    const [first, second] = nodes;
    assert(first !== undefined && second !== undefined);
    Object.assign(second.node, { supply: 0, idsFrom: 0 });
    const slow = Promise.withResolvers<void>();
    chunks.createTime = async () => await slow.promise;
    await clock.advance(SECOND);
    const [id = ''] = first.contracts.ids();
    chunks.createTime = async () => {};
    Object.assign(first.node, { supply: 0 }).contracts.clear();
    await clock.advance(130 * SECOND);
    expect(first.contracts.ids()).toEqual([]);
    second.node.supply = 1;
    await clock.advance(60 * SECOND);
    expect(second.contracts.ids()).toEqual([id]);
    slow.resolve();
    await clock.advance(SECOND);
    expect(chunks.present.has(id)).toBe(true);
  });
});
