import { existsSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { STANDARD_GENESIS } from '@downstream/protocol';
import { describe, expect, it } from '@jest/globals';
import { ensureStandardGenesis, openGenesis } from '../../src/chunks/genesis.ts';
import { ChunkFolder, sha256 } from '../fakes/chunk-folder.ts';

const folder = new ChunkFolder();

describe('ensureStandardGenesis', () => {
  it('generates the file once, and again if it is damaged', async () => {
    const path = folder.join('standard');
    const genesis = await ensureStandardGenesis(path, folder);
    expect(genesis).toEqual({ path, sha256: STANDARD_GENESIS.sha256, size: 33_554_432 });
    const before = statSync(path).ino;
    await ensureStandardGenesis(path, folder);
    expect(statSync(path).ino).toBe(before);
    writeFileSync(path, 'damaged');
    await ensureStandardGenesis(path, folder);
    expect(sha256(readFileSync(path))).toBe(STANDARD_GENESIS.sha256);
    expect(existsSync(`${path}.partial`)).toBe(false);
  });
});

describe('openGenesis', () => {
  it('refuses a file that is missing, has another hash, or is empty', async () => {
    const path = folder.join('own');
    const open = async (hash: string) => await openGenesis(path, hash, folder);
    await expect(open('a'.repeat(64))).rejects.toMatchObject({ code: 'unreadable' });
    writeFileSync(path, 'x');
    await expect(open('a'.repeat(64))).rejects.toMatchObject({
      code: 'wrong_hash',
      message: expect.stringContaining(sha256('x')),
    });
    expect(await open(sha256('x'))).toMatchObject({ size: 1 });
    writeFileSync(path, '');
    await expect(open(sha256(''))).rejects.toMatchObject({ code: 'unreadable' });
  });
});
