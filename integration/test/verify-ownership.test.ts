import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it } from '@jest/globals';
import { inTestBed } from '../src/test-bed.ts';

const COMMAND = ['--verify-ownership', '/tmp/film.mkv', 'http://mock-node:5000'];
const theirs = Buffer.alloc(100_000, 'a film that both have');

/** Runs `downstream --verify-ownership` in its image with a file of this content, on a node that has {@link theirs}. */
async function verify(ours: Buffer): Promise<{ exitCode: number; stdout: string }> {
  const folder = await mkdtemp(join(tmpdir(), 'downstream-'));
  try {
    const from = join(folder, 'film.mkv');
    await writeFile(from, ours, { mode: 0o644 });
    let result = { exitCode: -1, stdout: '' };
    await inTestBed(async (bed) => {
      await bed.mockNode((node) =>
        node
          .withEnvironment({ MOCK_FILES: '/files' })
          .withCopyContentToContainer([{ target: '/files/film.mkv', content: theirs, mode: 0o644 }]),
      );
      result = await bed.runFarmer(COMMAND, { from, to: '/tmp/film.mkv' });
    });
    return result;
  } finally {
    await rm(folder, { recursive: true });
  }
}

describe('downstream --verify-ownership, from inside its image', () => {
  it('matches a file that the node has too', async () => {
    expect(await verify(theirs)).toMatchObject({ exitCode: 0, stdout: 'FILE MATCHED!\n' });
  });

  it('does not match another file of that name and size', async () => {
    const ours = Buffer.from(theirs).reverse();
    expect(await verify(ours)).toMatchObject({ exitCode: 1, stdout: 'Failed to match.\n' });
  });
});
