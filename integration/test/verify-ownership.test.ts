import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it } from '@jest/globals';
import { inTestBed } from '../src/test-bed.ts';

const COMMAND = ['--verify-ownership', '/tmp/film.mkv', 'http://mock-node:5000'];
const nodeFile = Buffer.alloc(100_000, 'a film');

/** Runs `downstream --verify-ownership` in its image with this file, on a node that has {@link nodeFile}. */
async function verify(farmerFile: Buffer): Promise<{ exitCode: number; stdout: string }> {
  const folder = await mkdtemp(join(tmpdir(), 'downstream-'));
  try {
    const from = join(folder, 'film.mkv');
    await writeFile(from, farmerFile, { mode: 0o644 });
    let result = { exitCode: -1, stdout: '' };
    await inTestBed(async (bed) => {
      await bed.startMockNode((node) =>
        node
          .withEnvironment({ MOCK_FILES: '/files' })
          .withCopyContentToContainer([{ target: '/files/film.mkv', content: nodeFile, mode: 0o644 }]),
      );
      result = await bed.runFarmer(COMMAND, { from, to: '/tmp/film.mkv' });
    });
    return result;
  } finally {
    await rm(folder, { recursive: true });
  }
}

describe('downstream --verify-ownership in its image', () => {
  it('accepts a file that the node also has', async () => {
    expect(await verify(nodeFile)).toMatchObject({
      exitCode: 0,
      stdout: expect.stringMatching(
        /^FILE MATCHED!\nCompared: \d+ of 100000 bytes .* by 44 challenges at different offsets\./,
      ),
    });
  });

  it('rejects a different file of the same name and size', async () => {
    expect(await verify(Buffer.from(nodeFile).reverse())).toMatchObject({
      exitCode: 1,
      stdout: expect.stringMatching(/^Failed to match\.\nThe files differ in /),
    });
  });
});
