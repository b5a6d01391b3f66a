import { describe, expect, it } from '@jest/globals';
import { Minter } from '../src/chunks/minter.ts';

/** A minter, and how many chunks it has begun to make. */
function aMinter() {
  let begun = 0;
  const blocks = () => {
    begun += 1;
    return [Buffer.from('genesis')];
  };
  return { minter: new Minter({ sha256: 'a'.repeat(64), blocks }), begun: () => begun };
}

describe('the minter', () => {
  it('makes a verifier once for all that want it at the same time', async () => {
    const { minter, begun } = aMinter();
    const verifiers = await Promise.all(['one', 'two', 'one', 'one'].map((secret) => minter.verifierOf(secret)));
    expect(begun()).toBe(2);
    expect(verifiers[2]).toBe(verifiers[0]);
    expect(verifiers[1]?.response('0.1')).not.toBe(verifiers[0]?.response('0.1'));
  });

  it('makes the verifier that the contract had when it was new', async () => {
    const { minter } = aMinter();
    const { verifier } = await minter.mint('one');
    expect((await minter.verifierOf('one')).response('0.1')).toBe(verifier.response('0.1'));
  });

  it('tries again where it failed', async () => {
    let isThere = false;
    const blocks = () => {
      if (!isThere) throw new Error('no genesis file');
      return [Buffer.from('genesis')];
    };
    const minter = new Minter({ sha256: 'a'.repeat(64), blocks });
    const failed = await Promise.allSettled([minter.verifierOf('one'), minter.verifierOf('one')]);
    expect(failed.map(({ status }) => status)).toEqual(['rejected', 'rejected']);
    isThere = true;
    expect((await minter.verifierOf('one')).response('0.1')).toMatch(/^[0-9a-f]{64}$/);
  });
});
