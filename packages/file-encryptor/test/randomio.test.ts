import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { BLOCK_BYTES, isRandomio, randomio } from '@downstream/file-encryptor';
import { describe, expect, it } from '@jest/globals';

interface Vector {
  seed: string;
  size: number;
  head_hex: string;
  sha256: string;
}
const { vectors }: { vectors: Vector[] } = JSON.parse(
  readFileSync(new URL('./fixtures/randomio.json', import.meta.url), 'utf8'),
);

describe('randomio', () => {
  it.each(vectors)('yields the known bytes for seed $seed, size $size', ({ seed, size, head_hex, sha256 }) => {
    const hash = createHash('sha256');
    let head = '';
    let length = 0;
    for (const block of randomio(seed, size)) {
      if (length === 0) head = block.subarray(0, head_hex.length / 2).toString('hex');
      expect(block.length).toBeLessThanOrEqual(BLOCK_BYTES);
      length += block.length;
      hash.update(block);
    }
    expect({ length, head, sha256: hash.digest('hex') }).toEqual({ length: size, head: head_hex, sha256 });
  });

  it('yields nothing for size 0', () => {
    expect([...randomio('x', 0)]).toEqual([]);
  });

  it.each([-1, 0.5, Number.NaN, Number.POSITIVE_INFINITY])('throws for size %p', (size) => {
    expect(() => [...randomio('x', size)]).toThrow(RangeError);
  });
});

describe('isRandomio', () => {
  const bytes = Buffer.concat([...randomio('seed', 3000)]);

  it.each([0, 1, 15, 16, 17, 1000, 2999])('accepts the bytes from position %p on', (position) => {
    expect(isRandomio('seed', bytes.subarray(position), position)).toBe(true);
  });

  it('rejects a changed byte, another position and another seed', () => {
    const changed = Buffer.from(bytes);
    changed.writeUInt8(changed.readUInt8(2999) ^ 1, 2999);
    expect([isRandomio('seed', changed, 0), isRandomio('seed', bytes, 16), isRandomio('other', bytes, 0)]).toEqual([
      false,
      false,
      false,
    ]);
  });

  it('accepts bytes beyond 4 GiB of the keystream', () => {
    const position = 2 ** 37 + 3;
    expect(isRandomio('seed', Buffer.from('de7af5bd61833b25', 'hex'), position)).toBe(true);
  });
});
