import { readFileSync } from 'node:fs';
import { divideReceivedTag, proveDividedRequest, proveRequest } from '@downstream/heartbeat';
import { describe, expect, it } from '@jest/globals';
import { audit } from './support/example.ts';
import { createFile, readFixture } from './support/fixtures.ts';

interface MerkleVector {
  file: { randomio_seed: string; size: number };
  public_heartbeat: unknown;
  tag: unknown;
  challenges: { challenge: unknown; proof: unknown }[];
}
const [merkleVector] = readFixture<{ vectors: MerkleVector[] }>('merkle').vectors;
const [swizzleVector] = readFixture<{ vectors: Record<string, string>[] }>('swizzle').vectors;
const read = (path: string) => readFileSync(new URL(path, import.meta.url), 'utf8');

describe('proveRequest', () => {
  it('proves a Merkle request', () => {
    if (!merkleVector) throw new Error('no vector');
    const { file, public_heartbeat: heartbeat, tag, challenges } = merkleVector;
    const request = { type: 'Merkle', heartbeat, tag, challenge: challenges[0]?.challenge };
    expect(proveRequest(request, createFile(file.randomio_seed, file.size))).toEqual({
      proof: challenges[0]?.proof,
      isEmptyChallenge: false,
      check: 'correct',
    });
  });

  it('proves a Swizzle request, and reports a challenge that covers nothing', () => {
    const { public: heartbeat, tag, challenge, proof } = swizzleVector ?? {};
    const request = { type: 'Swizzle', heartbeat, tag, challenge };
    expect(proveRequest(request, createFile('swz', 32_768))).toEqual({
      proof,
      isEmptyChallenge: true,
      check: 'unknown',
    });
  });

  it('rejects an unknown type of heartbeat', () => {
    const request = { type: 'PySwizzle', heartbeat: '', tag: '', challenge: '' };
    expect(() => proveRequest(request, createFile('file', 1))).toThrow(
      'type: must be Merkle or Swizzle (got "PySwizzle")',
    );
  });
});

describe('proveDividedRequest', () => {
  it('computes the known proof of a Merkle tag that was divided', () => {
    if (!merkleVector) throw new Error('no vector');
    const { file, public_heartbeat: heartbeat, tag, challenges } = merkleVector;
    const { head, parts, challengeCount } = divideReceivedTag({ type: 'Merkle', heartbeat, tag }, file.size);
    expect(challengeCount).toBe(challenges.length);
    for (const { challenge, proof } of challenges) {
      const request = { type: 'Merkle', heartbeat, head, challenge };
      const readPart = (part: number) => parts[part] ?? Buffer.alloc(0);
      const result = proveDividedRequest(request, createFile(file.randomio_seed, file.size), readPart);
      expect(result).toEqual({ proof, isEmptyChallenge: false, check: 'correct' });
    }
  });
});

describe('divideReceivedTag', () => {
  it('rejects a tag of a file of another size', () => {
    const { public: heartbeat, tag } = swizzleVector ?? {};
    expect(() => divideReceivedTag({ type: 'Swizzle', heartbeat, tag }, 1)).toThrow(
      'tag: must be consistent, and the tag of a file of 1 bytes (got another tag)',
    );
    expect(divideReceivedTag({ type: 'Swizzle', heartbeat, tag }, 32_768).parts.length).toBeGreaterThan(0);
  });
});

describe('the README', () => {
  it('shows the example that this test runs', () => {
    expect(read('../README.md')).toContain(`\`\`\`ts\n${read('./support/example.ts')}\`\`\``);
    expect(audit(new URL('./fixtures/swizzle.json', import.meta.url).pathname)).toBe(true);
  });
});
