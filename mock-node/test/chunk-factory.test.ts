import { describe, expect, it } from '@jest/globals';
import { ChunkFactory } from '../src/chunks/chunk-factory.ts';

/** A factory, and the number of chunks that it started to generate. */
function createFactory() {
  let begun = 0;
  const readBlocks = () => {
    begun += 1;
    return [Buffer.from('genesis')];
  };
  return { factory: new ChunkFactory({ sha256: 'a'.repeat(64), readBlocks }), begun: () => begun };
}

describe('ChunkFactory', () => {
  it('makes a verifier once for all that want it at the same time', async () => {
    const { factory, begun } = createFactory();
    const verifiers = await Promise.all(['one', 'two', 'one', 'one'].map((secret) => factory.createVerifier(secret)));
    expect(begun()).toBe(2);
    expect(verifiers[2]).toBe(verifiers[0]);
    expect(verifiers[1]?.response('0.1')).not.toBe(verifiers[0]?.response('0.1'));
  });

  it('makes the verifier that the contract had when it was new', async () => {
    const { factory } = createFactory();
    const { verifier } = await factory.generate('one');
    expect((await factory.createVerifier('one')).response('0.1')).toBe(verifier.response('0.1'));
  });

  it('tries again where it failed', async () => {
    let isThere = false;
    const readBlocks = () => {
      if (!isThere) throw new Error('no genesis file');
      return [Buffer.from('genesis')];
    };
    const factory = new ChunkFactory({ sha256: 'a'.repeat(64), readBlocks });
    const failed = await Promise.allSettled([factory.createVerifier('one'), factory.createVerifier('one')]);
    expect(failed.map(({ status }) => status)).toEqual(['rejected', 'rejected']);
    isThere = true;
    expect((await factory.createVerifier('one')).response('0.1')).toMatch(/^[0-9a-f]{64}$/);
  });
});
