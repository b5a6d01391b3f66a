import { createHash } from 'node:crypto';
import type { V1EffectKind } from '@downstream/control-api';
import { merkle, swizzle } from '@downstream/heartbeat';
import { expect } from '@jest/globals';
import type { setUpMockNode } from '../../support/mock-node.ts';
import { createV1Farmer, V1, V1_OPTIONS } from '../../support/v1-farmer.ts';

type MockNode = Pick<ReturnType<typeof setUpMockNode>, 'start' | 'get' | 'url' | 'fault' | 'controller'>;

const SWIZZLE = { ...V1_OPTIONS, scheme: 'swizzle' } as const;

/** The tests of the protocol effects that only routes of the v1 API have. */
export function createV1Tests({ start, get, url, fault, controller }: MockNode) {
  const register = async () => await createV1Farmer(get, 0);
  const accept = async (count = 1) => await createV1Farmer(get, count);
  const countPassed = () => controller().getInfo().challenges.passed;

  return {
    exceed_size: {
      'issues more bytes of chunks than the farmer requested': async () => {
        await start(V1_OPTIONS);
        fault({ effect: { kind: 'exceed_size', factor: 3.5 } });
        const { token, chunks } = await accept(2);
        expect(chunks.map(({ size }: { size: number }) => size)).toEqual(Array(7).fill(2_000));
        expect(controller().ledger.getListing(token, controller().clock.now())?.all).toHaveLength(7);
      },
      'does not affect requests of an invalid size': async () => {
        await start(V1_OPTIONS);
        const { token } = await register();
        fault({ effect: 'exceed_size' });
        expect(await get(`${V1}/chunk/${token}/x`)).toMatchObject({ code: 404 });
        expect((await get(`${V1}/chunk/${token}`)).json.chunks).toHaveLength(10);
      },
    },

    wrong_tag: {
      'sends a well-formed Merkle tag with which proofs are wrong': async () => {
        await start(V1_OPTIONS);
        fault({ effect: 'wrong_tag' });
        const farmer = await accept(2);
        for (const { tag } of farmer.chunks) expect(merkle.tag.fromJSON(tag)).toBeDefined();
        expect(await farmer.answer(...farmer.chunks)).toMatchObject([
          { error: 'Invalid proof' },
          { error: 'Invalid proof' },
        ]);
      },
      'sends a well-formed Swizzle tag with which proofs are wrong': async () => {
        await start(SWIZZLE);
        fault({ effect: 'wrong_tag' });
        const farmer = await accept();
        expect(swizzle.tag.fromJSON(farmer.chunks[0].tag)).toBeDefined();
        expect(await farmer.answer(farmer.chunks[0])).toMatchObject([{ error: 'Invalid proof' }]);
      },
    },

    malformed_tag: {
      'sends Merkle trees with another order, without nodes, of huge size, and with wrong nodes': async () => {
        await start(V1_OPTIONS);
        const { tag: intact } = (await accept()).chunks[0];
        const receive = async (shape: Shape) => {
          fault({ name: shape.replace('_', '-'), times: 1, effect: { kind: 'malformed_tag', shape } });
          return (await accept()).chunks[0].tag;
        };
        expect((await receive('wrong_order')).tree.order).toBe(intact.tree.order + 1);
        expect((await receive('missing_nodes')).tree.nodes).toHaveLength(intact.tree.nodes.length / 2);
        expect((await receive('huge_count')).tree.order).toBe(62);
        expect(await receive('wrong_type')).toBe('tag');
        const { tree } = await receive('inconsistent');
        expect([hasRightParents(intact.tree), hasRightParents(tree)]).toEqual([true, false]);
      },
      'sends Swizzle tags with another count, without numbers, of huge size, and with wrong numbers': async () => {
        await start(SWIZZLE);
        const { chunks, heartbeat } = await accept();
        const { sigma: intact } = swizzle.tag.fromJSON(chunks[0].tag);
        const receive = async (shape: Shape) => {
          fault({ name: shape.replace('_', '-'), times: 1, effect: { kind: 'malformed_tag', shape } });
          return (await accept()).chunks[0].tag;
        };
        const count = async (shape: Shape) => Buffer.from(await receive(shape), 'base64').readUInt32LE();
        expect(await count('wrong_order')).toBe(intact.length + 1);
        expect(await count('huge_count')).toBe(2 ** 32 - 1);
        expect((await receive('missing_nodes')).length).toBeLessThan(0.6 * chunks[0].tag.length);
        expect(await receive('wrong_type')).toEqual({});
        const { sigma } = swizzle.tag.fromJSON(await receive('inconsistent'));
        expect(sigma[0]).toBeGreaterThan(swizzle.heartbeat.fromJSON(heartbeat.heartbeat).prime);
      },
      'does nothing to what another fault has changed': async () => {
        await start(V1_OPTIONS);
        fault({ name: 'inner', effect: { kind: 'malformed_tag' } });
        fault({ name: 'other', effect: { kind: 'malformed_tag', shape: 'wrong_type' } });
        expect((await accept()).chunks[0].tag).toBe('tag');
      },
    },

    empty_challenge: {
      'sends Swizzle challenges without chunks, and accepts proofs of nothing': async () => {
        await start(SWIZZLE);
        fault({ effect: 'empty_challenge' });
        const farmer = await accept();
        const { challenge } = farmer.chunks[0];
        expect(swizzle.challenge.fromJSON(challenge).chunks).toBe(0);
        expect((await farmer.challenges(1))[0].challenge).toBe(challenge);
        const nothing = swizzle.proof.toJSON({ mu: Array(10).fill(0n), sigma: 0n });
        expect(farmer.prove(1, challenge).proof).toBe(nothing);
        expect(await farmer.answer(farmer.chunks[0])).toEqual([{ file_hash: 1, status: 'ok' }]);
        expect(countPassed()).toBe(1);
      },
      'affects only the contract that the fault matches, and no Merkle challenge': async () => {
        await start(SWIZZLE);
        const farmer = await accept(2);
        fault({ match: { contract: '2' }, effect: 'empty_challenge' });
        const counts = (await farmer.list()).map(({ challenge }) => swizzle.challenge.fromJSON(challenge).chunks);
        expect(counts).toEqual([1, 0]);
        await start(V1_OPTIONS);
        fault({ effect: 'empty_challenge' });
        expect(await (await accept()).list()).toMatchObject([{ challenge: { index: 0 } }]);
      },
    },

    wrong_due: {
      'replaces the deadline by a number or another JSON type': async () => {
        await start(V1_OPTIONS);
        const farmer = await accept(2);
        const receive = async (due: Due) => {
          controller().faults.removeAll();
          fault({ match: { contract: '1' }, effect: { kind: 'wrong_due', due } });
          return (await farmer.list()).map((entry) => entry.due);
        };
        expect(await receive('negative')).toEqual([-1, 60]);
        expect(await receive('huge')).toEqual([1e300, 60]);
        expect(await receive('text')).toEqual(['soon', 60]);
        expect(await receive('null')).toEqual([null, 60]);
        expect(await receive('list')).toEqual([[1], 60]);
        expect(await receive('object')).toEqual([{ seconds: 1 }, 60]);
        expect(await receive('boolean')).toEqual([true, 60]);
      },
      'sends literals that only Python parses, also with other effects': async () => {
        await start(V1_OPTIONS);
        const { token } = await register();
        fault({ name: 'outer', effect: 'wrong_challenge' });
        for (const [due, literal] of [
          ['nan', 'NaN'],
          ['infinity', 'Infinity'],
        ] as const) {
          fault({ name: due, times: 1, effect: { kind: 'wrong_due', due } });
          const text = await (await fetch(`${url()}${V1}/chunk/${token}/2000`)).text();
          expect({ due, text }).toEqual({ due, text: expect.stringContaining(`"due":${literal}`) });
        }
      },
    },

    wrong_id: {
      'replaces ids by invalid ones of every JSON type': async () => {
        await start(V1_OPTIONS);
        const farmer = await accept();
        const receive = async (id: Id) => {
          controller().faults.removeAll();
          fault({ effect: { kind: 'wrong_id', id } });
          return (await farmer.list())[0].file_hash;
        };
        const received: Record<string, unknown> = {};
        for (const id of ['path', 'negative', 'fraction', 'huge', 'boolean', 'null', 'list', 'object'] as const)
          received[id] = await receive(id);
        expect(received).toEqual({
          path: '../../1',
          negative: -1,
          fraction: 1.5,
          huge: 1e300,
          boolean: true,
          null: null,
          list: [1],
          object: { id: 1 },
        });
        expect(await receive('long_text')).toHaveLength(100_000);
      },
      'sends the number as text on all routes, which still identifies the contract': async () => {
        await start(V1_OPTIONS);
        fault({ effect: { kind: 'wrong_id', id: 'text' } });
        const farmer = await accept();
        expect(farmer.ids).toEqual(['1']);
        expect((await farmer.challenges('1'))[0].file_hash).toBe('1');
        expect(await farmer.answer(farmer.chunks[0])).toEqual([{ file_hash: '1', status: 'ok' }]);
      },
    },

    false_report: {
      'reports running contracts as ended': async () => {
        await start(V1_OPTIONS);
        const farmer = await accept(2);
        const receive = async (report: Report) => {
          controller().faults.removeAll();
          fault({ match: { contract: '1' }, effect: { kind: 'false_report', report } });
          return (await farmer.list())[0];
        };
        expect(await receive('expired')).toEqual({ file_hash: 1, error: 'contract expired' });
        expect(await receive('not_found')).toEqual({ file_hash: 1, error: 'contract not found' });
        expect(await receive('completed')).toEqual({ file_hash: 1, status: 'no more challenges' });
        expect(await receive('answered')).toMatchObject({ file_hash: 1, answered: true, challenge: { index: 0 } });
        controller().faults.removeAll();
        expect(await farmer.list()).toMatchObject([{ answered: false }, { answered: false }]);
      },
      'counts answers that it reports as failed': async () => {
        await start(V1_OPTIONS);
        const farmer = await accept(4);
        const receive = async (id: number, report: Report) => {
          controller().faults.removeAll();
          fault({ effect: { kind: 'false_report', report } });
          return (await farmer.answer(farmer.chunks[id - 1]))[0];
        };
        expect(await receive(1, 'expired')).toEqual({ file_hash: 1, error: 'Answer failed: contract expired.' });
        expect(await receive(2, 'not_found')).toEqual({ file_hash: 2, error: 'contract not found' });
        expect(await receive(3, 'answered')).toEqual({ file_hash: 3, error: 'Challenge already answered.' });
        expect(await receive(4, 'completed')).toEqual({ file_hash: 4, status: 'ok' });
        expect(countPassed()).toBe(4);
      },
    },

    unknown_scheme: {
      'names another scheme with a new and with a known token': async () => {
        await start(V1_OPTIONS);
        const { token } = await register();
        fault({ effect: 'unknown_scheme' });
        expect((await get(`${V1}/heartbeat/${token}`)).json).toMatchObject({ token, type: 'Quantum' });
        expect((await register()).heartbeat.type).toBe('Quantum');
      },
      'does not change errors': async () => {
        await start(V1_OPTIONS);
        fault({ effect: 'unknown_scheme' });
        expect((await get(`${V1}/heartbeat/0`)).json).toEqual({
          status: 'error',
          message: 'Nonexistent token.',
        });
      },
    },

    wrong_prime: {
      'sends a prime of any number of bits': async () => {
        await start(V1_OPTIONS);
        for (const [bits, sectorSize] of [
          [1, 0],
          [9, 1],
          [100_000, 12_500],
        ] as const) {
          controller().faults.removeAll();
          fault({ effect: { kind: 'wrong_prime', bits } });
          const { type, heartbeat } = (await register()).heartbeat;
          const bytes = Buffer.from(heartbeat, 'base64');
          const prime = BigInt(`0x${bytes.subarray(13).toString('hex')}`);
          expect({ type, sectorSize: bytes.readUInt32LE(5), bits: prime.toString(2).length }).toEqual({
            type: 'Swizzle',
            sectorSize,
            bits,
          });
        }
      },
    },
  } satisfies Record<Exclude<V1EffectKind, 'large_tag'>, Readonly<Record<string, () => Promise<void>>>>;
}

/** Whether each node of a Merkle tree is the hash of its children. */
function hasRightParents({ nodes }: { nodes: string[] }): boolean {
  return nodes.slice(0, nodes.length / 2 - 1).every((node, index) => {
    const children = nodes.slice(2 * index + 1, 2 * index + 3).map((child) => Buffer.from(child, 'base64'));
    return node === createHash('sha256').update(Buffer.concat(children)).digest('base64');
  });
}

type Shape = 'wrong_order' | 'missing_nodes' | 'huge_count' | 'inconsistent' | 'wrong_type';
type Due = 'negative' | 'huge' | 'text' | 'null' | 'list' | 'object' | 'boolean';
type Id = 'path' | 'long_text' | 'negative' | 'fraction' | 'huge' | 'boolean' | 'null' | 'list' | 'object';
type Report = 'expired' | 'not_found' | 'completed' | 'answered';
