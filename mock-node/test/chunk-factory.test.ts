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
  it('creates one verifier for concurrent calls with the same secret', async () => {
    const { factory, begun } = createFactory();
    const verifiers = await Promise.all(['one', 'two', 'one', 'one'].map((secret) => factory.createVerifier(secret)));
    expect(begun()).toBe(2);
    expect(verifiers[2]).toBe(verifiers[0]);
    expect(verifiers[1]?.response('0.1')).not.toBe(verifiers[0]?.response('0.1'));
  });

  it('creates the same verifier for a secret again', async () => {
    const { factory } = createFactory();
    const { verifier } = await factory.generate('one');
    expect((await factory.createVerifier('one')).response('0.1')).toBe(verifier.response('0.1'));
  });

  it('reads the genesis file again after a failure', async () => {
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
