import { appendFileSync, readFileSync, statSync, truncateSync, writeFileSync } from 'node:fs';
import { randomio } from '@downstream/file-encryptor';
import { describe, expect, it } from '@jest/globals';
import { ChunkFolder } from '../fakes/chunk-folder.ts';

const folder = new ChunkFolder();
const SEED = 'seed';
// More than one block, and not a multiple of the cipher's block.
const SIZE = 1_200_007;

const path = () => folder.join('chunk');
const generate = async (size = SIZE) => await folder.pool.run({ kind: 'seeded_chunk', path: path(), seed: SEED, size });
const isIntact = async ({ seed = SEED, size = SIZE } = {}) =>
  (await folder.pool.run({ kind: 'compare_seed', path: path(), seed, size })).value;

describe('the task seeded_chunk', () => {
  it.each([0, 1, SIZE])('writes the first %p bytes of the keystream, readable only by the owner', async (size) => {
    await generate(size);
    expect(readFileSync(path()).equals(Buffer.concat([...randomio(SEED, size)]))).toBe(true);
    expect(statSync(path()).mode & 0o777).toBe(0o600);
  });

  it('does not replace a file', async () => {
    writeFileSync(path(), 'other');
    await expect(generate()).rejects.toMatchObject({ code: 'unreadable' });
    expect(readFileSync(path(), 'utf8')).toBe('other');
  });
});

describe('the task compare_seed', () => {
  it('accepts the chunk of the seed only', async () => {
    await generate();
    expect({
      chunk: await isIntact(),
      otherSeed: await isIntact({ seed: 'other' }),
      shorter: await isIntact({ size: SIZE - 1 }),
      longer: await isIntact({ size: SIZE + 1 }),
    }).toEqual({ chunk: true, otherSeed: false, shorter: false, longer: false });
  });

  it.each([
    ['changed at its start', () => writeAt(0)],
    ['changed at its end', () => writeAt(SIZE - 1)],
    ['truncated', () => truncateSync(path(), SIZE - 1)],
    ['emptied', () => truncateSync(path(), 0)],
    ['extended', () => appendFileSync(path(), 'x')],
  ])('rejects a chunk that was %s', async (_, damage) => {
    await generate();
    damage();
    expect(await isIntact()).toBe(false);
  });

  it('fails if the chunk cannot be read', async () => {
    await expect(isIntact()).rejects.toMatchObject({ code: 'unreadable' });
  });
});

function writeAt(position: number): void {
  const bytes = readFileSync(path());
  bytes.writeUInt8(bytes.readUInt8(position) ^ 1, position);
  writeFileSync(path(), bytes);
}
