import { createDecipheriv } from 'node:crypto';
import { createSwizzleHeartbeat, createSwizzlePrf, fileFromBytes, swizzle } from '@downstream/heartbeat';
import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { createBytes, createFile, createSeededRandom, readFixture, recordReads } from '../support/fixtures.ts';

interface Vector {
  randomio_seed: string;
  size: number;
  private: string;
  public: string;
  tag: string;
  state: string;
  challenge: string;
  proof: string;
  verify: boolean;
}
const { vectors } = readFixture<{ vectors: Vector[] }>('swizzle');
const random = createSeededRandom('swizzle');
// Small numbers make tests fast: chunks have 3 sectors of 32 bytes.
const small = createSwizzleHeartbeat(random, { primeBits: 257, sectors: 3 });

/** A file with its tag and a challenge. */
function createCase(bytes: Buffer, checkFraction = 1) {
  const heartbeat = { ...small, checkFraction };
  const { tag, state } = swizzle.encode(heartbeat, fileFromBytes(bytes), { random });
  return { heartbeat, tag, state, challenge: swizzle.genChallenge(heartbeat, state, random).challenge };
}

describe('swizzle', () => {
  it.each(vectors)('computes and verifies the known proof of $size bytes', (vector) => {
    const challenge = swizzle.challenge.fromJSON(vector.challenge);
    const file = createFile(vector.randomio_seed, vector.size);
    const prover = swizzle.heartbeat.fromJSON(vector.public);
    const proof = swizzle.prove(prover, file, challenge, swizzle.tag.fromJSON(vector.tag));
    expect(swizzle.proof.toJSON(proof)).toBe(vector.proof);
    const heartbeat = swizzle.heartbeat.fromJSON(vector.private);
    const state = swizzle.state.fromJSON(vector.state);
    expect(swizzle.verify(heartbeat, proof, challenge, state)).toBe(vector.verify);
  });

  it.each(vectors)('computes the known tag and state of $size bytes from the same keys', (vector) => {
    const heartbeat = swizzle.heartbeat.fromJSON(vector.private);
    const { iv, encryptedKeys } = swizzle.state.fromJSON(vector.state);
    const decipher = createDecipheriv('aes-256-cfb', heartbeat.keys?.encryption ?? '', iv);
    const keys = decipher.update(encryptedKeys);
    const draws = [keys.subarray(4, 36), keys.subarray(40, 72), iv];
    const encoded = swizzle.encode(heartbeat, createFile(vector.randomio_seed, vector.size), {
      random: () => draws.shift() ?? Buffer.alloc(0),
    });
    expect(swizzle.tag.toJSON(encoded.tag)).toBe(vector.tag);
    expect(swizzle.state.toJSON(encoded.state)).toBe(vector.state);
  });

  it('computes and verifies the recorded proof of an original farmer, with sectors of 127 bytes', () => {
    const recording = readFixture<Record<string, string>>('recorded-swizzle');
    const heartbeat = swizzle.heartbeat.fromJSON(recording['private_heartbeat']);
    const challenge = swizzle.challenge.fromJSON(recording['challenge']);
    const tag = swizzle.tag.fromJSON(recording['tag']);
    const proof = swizzle.prove(heartbeat, createFile(recording['seed'] ?? '', 32_768), challenge, tag);
    expect(swizzle.proof.toJSON(proof)).toBe(recording['proof']);
    const state = swizzle.state.fromJSON(recording['state_at_encode']);
    expect(swizzle.verify(heartbeat, proof, challenge, state)).toBe(true);
  });

  it('verifies a proof over the encoded bytes, and none after any byte changed', () => {
    const sizes = fc.integer({ min: 1, max: 2000 });
    fc.assert(
      fc.property(sizes, fc.nat(), fc.integer({ min: 1, max: 255 }), (size, where, change) => {
        const bytes = createBytes('file', size);
        const { heartbeat, tag, challenge, state } = createCase(bytes);
        const proof = swizzle.prove(swizzle.getPublic(heartbeat), fileFromBytes(bytes), challenge, tag);
        expect(swizzle.verify(heartbeat, proof, challenge, state)).toBe(true);
        bytes[where % size] = (bytes[where % size] ?? 0) ^ change;
        const wrong = swizzle.prove(heartbeat, fileFromBytes(bytes), challenge, tag);
        expect(swizzle.verify(heartbeat, wrong, challenge, state)).toBe(false);
      }),
    );
  });

  it('verifies a proof over a part of the chunks, and none after a covered byte changed', () => {
    const fractions = fc.double({ min: 0, max: 0.9, noNaN: true });
    fc.assert(
      fc.property(fc.integer({ min: 200, max: 4000 }), fractions, (size, fraction) => {
        const bytes = createBytes('file', size);
        const { heartbeat, tag, challenge, state } = createCase(bytes, fraction);
        const { file, reads } = recordReads(fileFromBytes(bytes));
        const proof = swizzle.prove(heartbeat, file, challenge, tag);
        expect(swizzle.verify(heartbeat, proof, challenge, state)).toBe(true);
        const covered = reads.find(({ length }) => length > 0);
        if (!covered) return;
        bytes[covered.position] = (bytes[covered.position] ?? 0) ^ 1;
        const wrong = swizzle.prove(heartbeat, fileFromBytes(bytes), challenge, tag);
        expect(swizzle.verify(heartbeat, wrong, challenge, state)).toBe(false);
      }),
    );
  });

  it.each([
    [0, 1],
    [95, 1],
    [96, 2],
    [97, 2],
  ])('divides a file of %i bytes into %i chunks of 96 bytes: an empty one follows a complete one', (size, count) => {
    const bytes = createBytes('file', size);
    const { heartbeat, tag, challenge, state } = createCase(bytes);
    expect(tag.sigma.length).toBe(count);
    const proof = swizzle.prove(heartbeat, fileFromBytes(bytes), challenge, tag);
    expect(swizzle.verify(heartbeat, proof, challenge, state)).toBe(true);
  });

  it('reads all chunks in order, in parts of at most 64 KiB', () => {
    const { heartbeat, tag, challenge } = createCase(createBytes('file', 200_000));
    const { file, reads } = recordReads(createFile('file', 200_000));
    swizzle.prove(heartbeat, file, challenge, tag);
    expect(reads.map(({ length }) => length)).toEqual([65_472, 65_472, 65_472, 3584]);
  });

  it('computes the same proof if reads return fewer bytes than requested', () => {
    const { heartbeat, tag, challenge } = createCase(createBytes('file', 1000), 0.5);
    const { file } = recordReads(createFile('file', 1000), 7);
    const proof = swizzle.prove(heartbeat, file, challenge, tag);
    expect(proof).toEqual(swizzle.prove(heartbeat, createFile('file', 1000), challenge, tag));
  });

  it('answers a challenge of no chunks like the original, and reports that it shows nothing', () => {
    const { heartbeat, tag, challenge, state } = createCase(createBytes('file', 1000));
    const empty = { ...challenge, chunks: 0 };
    const proof = swizzle.prove(heartbeat, createFile('file', 1000), empty, tag);
    expect(proof).toEqual({ mu: [0n, 0n, 0n], sigma: 0n });
    expect(swizzle.verify(heartbeat, proof, empty, state)).toBe(true);
    expect([challenge, empty].map((each) => swizzle.isEmptyChallenge(each))).toEqual([false, true]);
  });

  it('never generates a challenge of no chunks', () => {
    expect(createCase(createBytes('file', 100), 0).challenge.chunks).toBe(1);
  });

  it('covers all chunks after its JSON was parsed, because that omits the check fraction', () => {
    const { heartbeat, state } = createCase(createBytes('file', 1000), 0.5);
    const parsed = swizzle.heartbeat.fromJSON(swizzle.heartbeat.toJSON(heartbeat));
    const count = (from: typeof parsed) => swizzle.genChallenge(from, state, random).challenge.chunks;
    expect({ before: count(heartbeat), after: count(parsed) }).toEqual({ before: 5, after: 11 });
  });

  it('does not encode a file whose tag no parser accepts', () => {
    const [tooLong, tooLarge] = [131_072 * 96, 131_071 * 1024].map((size) => ({ size, read: () => 0 }));
    const large = createSwizzleHeartbeat(random, { primeBits: 1031, sectors: 8 });
    expect(() => swizzle.encode(small, tooLong ?? fileFromBytes(Buffer.of()), { random })).toThrow(
      'chunks of the file: must be an integer from 1 to 131072 (got 131073)',
    );
    expect(() => swizzle.encode(large, tooLarge ?? fileFromBytes(Buffer.of()), { random })).toThrow(
      'bytes of the tag: must be an integer from 1 to 16777216',
    );
  });

  it('rejects a tag of a file of another size', () => {
    const { heartbeat, tag, challenge } = createCase(createBytes('file', 1000));
    expect(() => swizzle.prove(heartbeat, createFile('file', 900), challenge, tag)).toThrow(
      'tag.count: must be 10 for a file of 900 bytes (got 11)',
    );
  });

  it('rejects a changed state', () => {
    const { heartbeat, state } = createCase(createBytes('file', 100));
    for (const changed of [{ chunkCount: 1 }, { iv: Buffer.alloc(16) }, { encryptedKeys: Buffer.alloc(72) }]) {
      expect(() => swizzle.genChallenge(heartbeat, { ...state, ...changed }, random)).toThrow(
        expect.objectContaining({ code: 'invalid_signature' }),
      );
    }
  });

  it('neither encodes nor generates challenges with a public heartbeat', () => {
    const { heartbeat, state } = createCase(createBytes('file', 100));
    const prover = swizzle.getPublic(heartbeat);
    const error = expect.objectContaining({ code: 'private_heartbeat_required' });
    expect(() => swizzle.encode(prover, createFile('file', 100), { random })).toThrow(error);
    expect(() => swizzle.genChallenge(prover, state, random)).toThrow(error);
  });

  it('does not verify a proof with another number of sectors, or whose sums were changed', () => {
    const { heartbeat, tag, challenge, state } = createCase(createBytes('file', 1000));
    const proof = swizzle.prove(heartbeat, createFile('file', 1000), challenge, tag);
    const verify = (changed: Partial<typeof proof>) =>
      swizzle.verify(heartbeat, { ...proof, ...changed }, challenge, state);
    expect({
      intact: verify({}),
      fewer: verify({ mu: proof.mu.slice(1) }),
      more: verify({ mu: [...proof.mu, 0n] }),
      mu: verify({ mu: proof.mu.with(0, 1n) }),
      sigma: verify({ sigma: proof.sigma + heartbeat.prime }),
    }).toEqual({ intact: true, fewer: false, more: false, mu: false, sigma: false });
  });
});

describe('createSwizzleHeartbeat', () => {
  it.each([256, 257, 512])('creates a prime of %i bits', (primeBits) => {
    expect(createSwizzleHeartbeat(random, { primeBits }).prime.toString(2).length).toBe(primeBits);
  });

  it.each([
    [{ primeBits: 1 }, 'primeBits: must be an integer from 256 to 8192 (got 1)'],
    [{ primeBits: 100_000 }, 'primeBits: must be an integer from 256 to 8192 (got 100000)'],
    [{ sectors: 0 }, 'sectors: must be an integer from 1 to 1024 (got 0)'],
    [{ checkFraction: Number.NaN }, 'checkFraction: must be a number from 0 to 1 (got NaN)'],
  ])('rejects %j', (invalid, message) => {
    expect(() => createSwizzleHeartbeat(random, { primeBits: 256, ...invalid })).toThrow(message);
  });
});

describe('createSwizzlePrf', () => {
  it('returns numbers below the limit, for limits of any size', () => {
    fc.assert(
      fc.property(fc.bigInt({ min: 1n, max: 1n << 600n }), fc.nat(), (limit, index) => {
        const number = createSwizzlePrf(Buffer.alloc(32, 7), limit)(index);
        expect(number >= 0n && number < limit).toBe(true);
      }),
    );
  });
});
