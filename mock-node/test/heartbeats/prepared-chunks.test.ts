import { randomio } from '@downstream/file-encryptor';
import { fileFromBytes, proveRequest } from '@downstream/heartbeat';
import { FakeLogger } from '@downstream/platform/testing';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { NodeHeartbeat } from '../../src/heartbeats/node-heartbeat.ts';
import { PreparedChunks } from '../../src/heartbeats/prepared-chunks.ts';
import { HeartbeatThreads } from '../../src/heartbeats/threads.ts';
import { SeededRandom } from '../../src/ledger/seeded-random.ts';

let threads: HeartbeatThreads;
beforeEach(() => {
  threads = new HeartbeatThreads();
});
afterEach(async () => await threads.close());

function create({
  seed = '42',
  scheme = 'Merkle' as 'Merkle' | 'Swizzle',
  stock = 2,
  sizesBytes = [1_000, 5_000],
  use = threads as Pick<HeartbeatThreads, 'run'>,
} = {}) {
  const random = new SeededRandom(seed);
  const heartbeat = new NodeHeartbeat(
    { scheme, checkFraction: 0.5 },
    { threads: use, random, store: undefined },
    undefined,
  );
  const log = new FakeLogger();
  const chunks = new PreparedChunks(
    { sizesBytes, stock, challenges: 3 },
    { heartbeat, threads: use, random, created: () => 0, now: () => 1_000, log },
  );
  return { heartbeat, chunks, random, log };
}

describe('PreparedChunks', () => {
  it.each(['Merkle', 'Swizzle'] as const)(
    'encodes chunks that a farmer can prove, with the scheme %s',
    async (scheme) => {
      const { heartbeat, chunks } = create({ scheme });
      const { seed, sizeBytes, tag, state } = await chunks.take(5_000);
      const next = heartbeat.next(state, { contract: 0, round: 0 });
      const request = {
        ...(await heartbeat.getPublic()),
        tag: JSON.parse(tag),
        challenge: JSON.parse(next?.challenge ?? ''),
      };
      const { proof } = proveRequest(request, fileFromBytes(Buffer.concat([...randomio(seed, sizeBytes)])));
      const wrong = proveRequest(request, fileFromBytes(Buffer.alloc(sizeBytes))).proof;
      const open = { challenge: next?.challenge ?? '', state: next?.state ?? '' };
      expect(
        await heartbeat.verify([proof, wrong, { leaf: 1 }, undefined].map((each) => ({ ...open, proof: each }))),
      ).toEqual(['valid', 'invalid', 'corrupted', 'corrupted']);
    },
  );

  it('selects the largest size that fits', () => {
    const { chunks } = create();
    expect([999, 1_000, 4_999, 5_000, 1e9].map((bytes) => chunks.findSize(bytes))).toEqual([
      undefined,
      1_000,
      1_000,
      5_000,
      5_000,
    ]);
  });

  it('issues no chunk twice, and the same ones again with the same seed', async () => {
    const takeThree = async (seed: string) => {
      const { chunks } = create({ seed });
      const taken = await Promise.all([1, 2, 3].map(async () => await chunks.take(1_000)));
      return taken.map((chunk) => chunk.seed);
    };
    const first = await takeThree('42');
    expect(new Set(first).size).toBe(3);
    expect(await takeThree('42')).toEqual(first);
    expect(await takeThree('43')).not.toEqual(first);
  });

  it('rejects those who wait when the contracts are reset', async () => {
    const { chunks } = create();
    const waiting = chunks.take(1_000);
    chunks.reset();
    await expect(waiting).rejects.toThrow('the contracts were reset');
  });

  it('rejects those who wait if a chunk cannot be encoded, and tries again for the next one', async () => {
    let isBroken = true;
    const breaking: Pick<HeartbeatThreads, 'run'> = {
      run: async (task) => {
        if (isBroken) throw new Error('out of memory');
        return await threads.run(task);
      },
    };
    const { chunks, log } = create({ use: breaking });
    await expect(chunks.take(1_000)).rejects.toThrow('out of memory');
    expect(log.lines).toMatchObject([{ level: 'error', message: 'chunks not encoded' }]);
    isBroken = false;
    expect(await chunks.take(1_000)).toMatchObject({ sizeBytes: 1_000 });
  });
});
