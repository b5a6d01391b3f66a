import { computeOneHashExtents, computeOneHashResponse, type OneHashChallenge } from '@downstream/heartbeat';
import { describe, expect, it } from '@jest/globals';
import { checkOwnership, type OwnershipPort } from '../../src/cli/ownership-check.ts';
import { NodeError } from '../../src/farming/errors.ts';

const SIZE = 20_000;
const CONTENT = Buffer.from(Array.from({ length: SIZE }, (_, at) => (at * 31) % 251));

/** A file of which a tenth differs, all in one place. */
const TENTH = Buffer.concat([CONTENT.subarray(0, 7_000), Buffer.alloc(SIZE / 10, 255), CONTENT.subarray(9_000)]);

interface FakeNodeOptions {
  /** Offsets of the challenges, per request for a list. The last ones are repeated. */
  readonly lists: readonly (readonly number[])[];
  readonly content?: Buffer;
  /** Offsets whose challenges another client has answered. */
  readonly closed?: readonly number[];
}

class FakeNode implements OwnershipPort {
  readonly answered: number[] = [];
  requests = 0;
  readonly #options: FakeNodeOptions;

  constructor(options: FakeNodeOptions) {
    this.#options = options;
  }

  async list(): Promise<OneHashChallenge[]> {
    const { lists } = this.#options;
    const offsets = lists[Math.min(this.requests++, lists.length - 1)] ?? [];
    if (offsets.length === 0) throw new NodeError('invalid_response', 'challenges', 'no valid challenge');
    return offsets.map((block) => ({ block, seed: `seed ${block}` }));
  }

  async answer({ block, seed, response }: OneHashChallenge & { response: string }): Promise<boolean | undefined> {
    const { closed = [], content = CONTENT } = this.#options;
    if (closed.includes(block)) return undefined;
    this.answered.push(block);
    const pieces = computeOneHashExtents(content.length, block).map(({ offset, length }) =>
      content.subarray(offset, offset + length),
    );
    return computeOneHashResponse(pieces, seed) === response;
  }
}

const spread = (count: number, size = SIZE) => Array.from({ length: count }, (_, n) => Math.floor((n * size) / count));

async function check(node: FakeNode, { content = CONTENT, wanted = 44 } = {}) {
  const read = async (offset: number, length: number) => content.subarray(offset, offset + length);
  const { difference, offsets, minNodeSize } = await checkOwnership({ size: content.length, read }, node, wanted);
  return { difference, matched: offsets.size, minNodeSize };
}

describe('checkOwnership', () => {
  it('answers as many challenges at different offsets as are wanted', async () => {
    const node = new FakeNode({ lists: [[...spread(500), ...spread(500)]] });
    expect(await check(node)).toEqual({ difference: undefined, matched: 44, minNodeSize: 19_961 });
    expect(new Set(node.answered).size).toBe(44);
  });

  it('detects a tenth that differs in 99 of 100 runs', async () => {
    let detected = 0;
    for (let run = 0; run < 100; run++) {
      const { difference } = await check(new FakeNode({ lists: [spread(1_000)] }), { content: TENTH });
      if (difference !== undefined) detected++;
    }
    // On average at least 99; fewer than 90 in one run of a hundred million.
    expect(detected).toBeGreaterThanOrEqual(90);
  });

  it('reports where the files differ, and stops there', async () => {
    const node = new FakeNode({ lists: [[8_000]] });
    expect(await check(node, { content: TENTH })).toEqual({
      difference: 'The files differ in the 1024 bytes from byte 8000, or in their sizes',
      matched: 0,
      minNodeSize: 8_001,
    });
  });

  it('is content with the only challenge of a node that repeats it', async () => {
    const node = new FakeNode({ lists: [[70]] });
    expect(await check(node)).toMatchObject({ difference: undefined, matched: 1 });
    expect(node.answered).toEqual([70]);
  });

  it('is content with the only challenge of a node that then offers none', async () => {
    expect(await check(new FakeNode({ lists: [[70], []] }))).toMatchObject({ difference: undefined, matched: 1 });
  });

  it('asks a node again that offers one challenge at a time', async () => {
    const node = new FakeNode({ lists: spread(50).map((offset) => [offset]) });
    expect(await check(node)).toMatchObject({ difference: undefined, matched: 44 });
  });

  it('skips challenges that another client has answered, and those that cover nothing', async () => {
    const node = new FakeNode({ lists: [[1, 2, 3, SIZE]], closed: [2] });
    expect(await check(node)).toMatchObject({ difference: undefined, matched: 2 });
    expect(node.answered.sort()).toEqual([1, 3]);
  });

  it('throws if the node offers no challenge at all', async () => {
    await expect(check(new FakeNode({ lists: [[]] }))).rejects.toMatchObject({ code: 'invalid_response' });
  });

  it('reports that the node has a longer file', async () => {
    const node = new FakeNode({ lists: [spread(1_000)] });
    expect(await check(node, { content: CONTENT.subarray(0, 18_000) })).toMatchObject({
      difference: "The node's file is longer: at least 19980 bytes, this one 18000",
      matched: 0,
    });
  });

  it('reports that the node has a file that is shorter by more than a tenth', async () => {
    const node = new FakeNode({ lists: [spread(1_000)] });
    expect(await check(node, { content: Buffer.concat([CONTENT, Buffer.alloc(3_000)]) })).toMatchObject({
      difference: "The node's file is shorter: its 1000 challenges end at byte 19981 of 23000",
      matched: 0,
    });
  });
});
