import { readFileSync } from 'node:fs';
import { randomio } from '@downstream/file-encryptor';
import { ChunkDigest, proveContract } from '@downstream/heartbeat';
import { describe, expect, it } from '@jest/globals';

interface Vector {
  chunk: { randomio_seed: string; size: number };
  challenge: string;
  response: string;
}
const { vectors }: { vectors: Vector[] } = JSON.parse(
  readFileSync(new URL('./fixtures/contract-challenge.json', import.meta.url), 'utf8'),
);

describe('proveContract', () => {
  it.each(vectors)('computes the known response for $chunk, $challenge', ({ chunk, challenge, response }) => {
    expect(proveContract(randomio(chunk.randomio_seed, chunk.size), challenge).response).toBe(response);
  });

  it('also returns the hash of the chunk, for any challenge', () => {
    const abc = 'ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad';
    expect(proveContract([Buffer.from('a'), Buffer.from('bc')], '0.1')).toMatchObject({ chunkHash: abc });
    expect(proveContract([Buffer.from('abc')], '')).toEqual({ chunkHash: abc, response: abc });
  });
});

describe('ChunkDigest', () => {
  it('computes any number of responses after one pass over the chunk', () => {
    const digest = new ChunkDigest();
    for (const block of randomio('chunk-a', 1024)) digest.update(block);
    const first = digest.response('0.5');
    digest.response('something else');
    expect(digest.response('0.5')).toBe(first);
    expect(digest.response('0.012381234')).toBe(vectors[0]?.response);
  });

  it('appends the challenge as UTF-8, unchanged', () => {
    const digest = new ChunkDigest();
    expect(digest.response('é')).toBe(new ChunkDigest().update(Buffer.from([0xc3, 0xa9])).chunkHash());
    expect(digest.response('0.10')).not.toBe(digest.response('0.1'));
  });
});
