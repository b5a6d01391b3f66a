import { createMerkleHeartbeat, fileFromBytes, merkle } from '@downstream/heartbeat';
import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { createBytes, createFile, createSeededRandom, readFixture, recordReads } from '../support/fixtures.ts';

interface Vector {
  file: { randomio_seed: string; size: number };
  heartbeat: unknown;
  public_heartbeat: unknown;
  root_seed_b64: string;
  n: number;
  state_initial: { timestamp: number };
  state_final: unknown;
  tag: unknown;
  challenges: { challenge: unknown; proof: unknown }[];
}
const { vectors } = readFixture<{ vectors: Vector[] }>('merkle');
const random = createSeededRandom('merkle');
const options = { random, timestamp: 1_420_070_400.5 };

/** A file with its tag and first challenge. */
function createCase(bytes: Buffer, checkFraction: number | null, challenges = 5) {
  const heartbeat = createMerkleHeartbeat(random, checkFraction);
  const { tag, state } = merkle.encode(heartbeat, fileFromBytes(bytes), { ...options, challenges });
  const next = merkle.genChallenge(heartbeat, state);
  if (!next) throw new Error('no challenge');
  return { heartbeat, tag, initial: state, challenge: next.challenge, state: next.state };
}

describe('merkle', () => {
  it.each(vectors)('computes the known tag, challenges and proofs of $file', (vector) => {
    const heartbeat = merkle.heartbeat.fromJSON(vector.heartbeat);
    const file = createFile(vector.file.randomio_seed, vector.file.size);
    const { tag, state: initial } = merkle.encode(heartbeat, file, {
      random,
      timestamp: vector.state_initial.timestamp,
      challenges: vector.n,
      seed: Buffer.from(vector.root_seed_b64, 'base64'),
    });
    expect(merkle.tag.toJSON(tag)).toEqual(vector.tag);
    expect(merkle.state.toJSON(initial)).toEqual(vector.state_initial);

    const prover = merkle.heartbeat.fromJSON(vector.public_heartbeat);
    let state = initial;
    for (const known of vector.challenges) {
      const next = merkle.genChallenge(heartbeat, state);
      if (!next) throw new Error('no challenge');
      expect(merkle.challenge.toJSON(next.challenge)).toEqual(known.challenge);
      const proof = merkle.prove(prover, file, next.challenge, merkle.tag.fromJSON(vector.tag));
      expect(merkle.proof.toJSON(proof)).toEqual(known.proof);
      expect(merkle.verify(heartbeat, merkle.proof.fromJSON(known.proof), next.challenge, next.state)).toBe(true);
      state = next.state;
    }
    expect(merkle.state.toJSON(state)).toEqual(vector.state_final);
  });

  it('verifies the recorded exchange of an original node', () => {
    const recording = readFixture<Record<string, unknown>>('recorded-merkle');
    const proof = merkle.proof.fromJSON(recording['proof']);
    const heartbeat = merkle.heartbeat.fromJSON(recording['private_heartbeat']);
    const next = merkle.genChallenge(heartbeat, merkle.state.fromJSON(recording['state_at_encode']));
    if (!next) throw new Error('no challenge');
    expect(merkle.state.toJSON(next.state)).toEqual(recording['state_after_first_challenge']);
    expect(merkle.verify(heartbeat, proof, next.challenge, next.state)).toBe(true);
  });

  it('verifies a proof over the encoded bytes, and none after a covered byte changed', () => {
    const sizes = fc.integer({ min: 1, max: 20_000 });
    const fractions = fc.option(fc.double({ min: 0, max: 1, noNaN: true }));
    fc.assert(
      fc.property(sizes, fractions, fc.nat(), fc.integer({ min: 1, max: 255 }), (size, fraction, where, change) => {
        const bytes = createBytes('file', size);
        const { heartbeat, tag, challenge, state } = createCase(bytes, fraction);
        const { file, reads } = recordReads(fileFromBytes(bytes));
        const proof = merkle.prove(heartbeat, file, challenge, tag);
        expect(merkle.verify(heartbeat, proof, challenge, state)).toBe(true);
        expect(merkle.checkProof(proof, challenge, tag)).toBe('correct');

        const length = reads.reduce((sum, read) => sum + read.length, 0);
        expect(length === 0).toBe(merkle.isEmptyChallenge(challenge, tag));
        if (length === 0) return;
        const position = (reads[0]?.position ?? 0) + (where % length);
        bytes[position] = (bytes[position] ?? 0) ^ change;
        const wrong = merkle.prove(heartbeat, fileFromBytes(bytes), challenge, tag);
        expect(merkle.verify(heartbeat, wrong, challenge, state)).toBe(false);
        expect(merkle.checkProof(wrong, challenge, tag)).toBe('corrupt_file');
      }),
    );
  });

  it('reads only the bytes that the challenge covers, in parts of at most 64 KiB', () => {
    const bytes = createBytes('file', 1_000_000);
    const { heartbeat, tag, challenge } = createCase(bytes, 0.2);
    const { file, reads } = recordReads(fileFromBytes(bytes));
    merkle.prove(merkle.getPublic(heartbeat), file, challenge, tag);
    expect(reads.reduce((sum, { length }) => sum + length, 0)).toBe(200_000);
    expect(Math.max(...reads.map(({ length }) => length))).toBe(65_536);
  });

  it('computes the same proof if reads return fewer bytes than requested', () => {
    const bytes = createBytes('file', 5000);
    const { heartbeat, tag, challenge } = createCase(bytes, 0.5);
    const { file } = recordReads(fileFromBytes(bytes), 7);
    const proof = merkle.prove(heartbeat, file, challenge, tag);
    expect(proof).toEqual(merkle.prove(heartbeat, fileFromBytes(bytes), challenge, tag));
  });

  it('reports a file that ends too early instead of reading forever', () => {
    const { heartbeat, tag, challenge } = createCase(createBytes('file', 5000), 1);
    expect(() => merkle.prove(heartbeat, createFile('file', 4000), challenge, tag)).toThrow(
      expect.objectContaining({
        code: 'file_too_short',
        message: 'file: must have at least 5000 bytes (ends at 4000)',
      }),
    );
  });

  it('rejects a challenge whose index has no leaf, even inside the tree', () => {
    const { heartbeat, tag, challenge } = createCase(createBytes('file', 100), 1, 5);
    expect(() => merkle.prove(heartbeat, createFile('file', 100), { ...challenge, index: 5 }, tag)).toThrow(
      "challenge.index: must be below 5, the tag's leaves (got 5)",
    );
  });

  it('truncates the check fraction like the original, so small files can get empty challenges', () => {
    const { tag, challenge } = createCase(createBytes('file', 99), 0.01);
    expect({ chunkSize: tag.chunkSize, isEmpty: merkle.isEmptyChallenge(challenge, tag) }).toEqual({
      chunkSize: 0,
      isEmpty: true,
    });
  });

  it('proves an empty file', () => {
    const { heartbeat, tag, challenge, state } = createCase(Buffer.alloc(0), null);
    const proof = merkle.prove(heartbeat, fileFromBytes(Buffer.alloc(0)), challenge, tag);
    expect(merkle.verify(heartbeat, proof, challenge, state)).toBe(true);
    expect(merkle.isEmptyChallenge(challenge, tag)).toBe(true);
  });

  it('proves a tree of one leaf, which has no branch', () => {
    const { heartbeat, tag, challenge, state } = createCase(createBytes('file', 10), 1, 1);
    const proof = merkle.prove(heartbeat, createFile('file', 10), challenge, tag);
    expect(proof.branch).toEqual([]);
    expect(merkle.verify(heartbeat, proof, challenge, state)).toBe(true);
  });

  it('computes the same proof from a file in memory and from one that is read', () => {
    const bytes = createBytes('file', 200_000);
    const { heartbeat, tag, challenge } = createCase(bytes, 0.7);
    const { size, read } = fileFromBytes(bytes);
    const proof = merkle.prove(heartbeat, { size, read }, challenge, tag);
    expect(proof).toEqual(merkle.prove(heartbeat, fileFromBytes(bytes), challenge, tag));
  });

  it('has no more challenges after the last one', () => {
    const { heartbeat, initial } = createCase(createBytes('file', 10), 1, 2);
    const second = merkle.genChallenge(heartbeat, merkle.genChallenge(heartbeat, initial)?.state ?? initial);
    expect(second?.challenge.index).toBe(1);
    expect(merkle.genChallenge(heartbeat, second?.state ?? initial)).toBeUndefined();
  });

  it('rejects a changed state', () => {
    const { heartbeat, state } = createCase(createBytes('file', 10), 1, 2);
    for (const changed of [{ index: 0 }, { challengeCount: 3 }, { timestamp: 0 }, { seed: Buffer.alloc(32) }]) {
      expect(() => merkle.genChallenge(heartbeat, { ...state, ...changed })).toThrow(
        expect.objectContaining({ code: 'invalid_signature' }),
      );
    }
  });

  it('accepts a state that Python signed at a whole second', () => {
    const { signed } = readFixture<{ signed: Record<string, unknown> }>('whole-second-state');
    const heartbeat = merkle.heartbeat.fromJSON({ key: signed['key'], check_fraction: null });
    const state = merkle.state.fromJSON(JSON.parse(String(signed['state'])));
    expect(merkle.genChallenge(heartbeat, state)?.challenge.index).toBe(0);
  });

  it('neither encodes nor verifies with a public heartbeat', () => {
    const heartbeat = merkle.getPublic(createMerkleHeartbeat(random));
    expect(() => merkle.encode(heartbeat, createFile('file', 10), options)).toThrow(
      expect.objectContaining({ code: 'private_heartbeat_required' }),
    );
  });

  it.each([0, -1, 1.5, Number.NaN, 65_537])('does not encode for %p challenges', (challenges) => {
    const heartbeat = createMerkleHeartbeat(random);
    expect(() => merkle.encode(heartbeat, createFile('file', 10), { ...options, challenges })).toThrow(
      `challenges: must be an integer from 1 to 65536 (got ${challenges})`,
    );
  });
});

describe('merkle.verify', () => {
  const bytes = createBytes('file', 1000);
  const { heartbeat, tag, challenge, state } = createCase(bytes, 0.5, 5);
  const proof = merkle.prove(heartbeat, fileFromBytes(bytes), challenge, tag);
  const verify = (changed: Partial<typeof proof>) =>
    merkle.verify(heartbeat, { ...proof, ...changed }, challenge, state);

  it('rejects the proof of another challenge', () => {
    const second = merkle.genChallenge(heartbeat, state);
    if (!second) throw new Error('no challenge');
    expect(merkle.verify(heartbeat, proof, second.challenge, second.state)).toBe(false);
  });

  it('rejects branches that are too short, too long, swapped or changed', () => {
    const [first, ...rest] = proof.branch;
    if (!first) throw new Error('no branch');
    expect({
      intact: verify({}),
      none: verify({ branch: [] }),
      short: verify({ branch: rest }),
      long: verify({ branch: [...proof.branch, first] }),
      swapped: verify({ branch: [[first[1], first[0]], ...rest] }),
      changed: verify({ branch: [[first[0], Buffer.alloc(32)], ...rest] }),
    }).toEqual({ intact: true, none: false, short: false, long: false, swapped: false, changed: false });
  });

  it('rejects part of the root’s preimage as a leaf without a branch', () => {
    // Such a forgery needs a right child of the root that ends with the decimal text of the index.
    for (let attempt = 0; ; attempt++) {
      const seed = createBytes(`forgery ${attempt}`, 32);
      const encoded = merkle.encode(heartbeat, fileFromBytes(bytes), { ...options, challenges: 2, seed });
      const next = merkle.genChallenge(heartbeat, encoded.state);
      const [row] = merkle.prove(heartbeat, fileFromBytes(bytes), { ...challenge, index: 0 }, encoded.tag).branch;
      if (!next || !row) throw new Error('no challenge');
      const preimage = Buffer.concat(row);
      if (preimage.at(-1) !== '0'.charCodeAt(0)) continue;
      const forged = { leaf: { index: 0, blob: preimage.subarray(0, -1) }, branch: [] };
      expect(merkle.verify(heartbeat, forged, next.challenge, next.state)).toBe(false);
      return;
    }
  });
});
