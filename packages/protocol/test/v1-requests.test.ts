import { parseContractIds, parseProofs } from '@downstream/protocol';
import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';

describe('parseContractIds', () => {
  it('accepts numbers and their decimal text, and repeats them as they were sent', () => {
    expect(parseContractIds({ hashes: [2, '3'] })).toEqual([
      { number: 2, id: 2 },
      { number: 3, id: '3' },
    ]);
  });

  it('returns the ids before the first invalid one', () => {
    expect(parseContractIds({ hashes: [2, 'abc', 3] })).toEqual([{ number: 2, id: 2 }]);
    expect(parseContractIds({ hashes: ['abc', 2] })).toEqual([]);
  });

  it('merges duplicates', () => {
    expect(parseContractIds({ hashes: [2, 2, 99_999, '2'] })).toEqual([
      { number: 2, id: '2' },
      { number: 99_999, id: 99_999 },
    ]);
  });

  it.each([undefined, null, 7, 'text', [], {}, { hashes: {} }, { hashes: null }])('returns nothing for %j', (body) => {
    expect(parseContractIds(body)).toEqual([]);
  });
});

describe('parseProofs', () => {
  it('returns a proof for each contract, missing ones included', () => {
    expect(parseProofs({ proofs: [{ file_hash: 2, proof: 'p' }, { file_hash: 3 }] })).toEqual([
      { number: 2, id: 2, proof: 'p' },
      { number: 3, id: 3, proof: undefined },
    ]);
  });

  it('returns the proofs before the first one without an id', () => {
    expect(parseProofs({ proofs: [{ file_hash: 2, proof: 'p' }, { proof: 'q' }, { file_hash: 3 }] })).toEqual([
      { number: 2, id: 2, proof: 'p' },
    ]);
    for (const entry of [null, 7, 'text', []]) expect(parseProofs({ proofs: [entry] })).toEqual([]);
  });

  it('returns safe numbers only, and never throws, for any JSON', () => {
    fc.assert(
      fc.property(fc.jsonValue(), (value) => {
        for (const body of [value, { proofs: value }, { proofs: [{ file_hash: value }] }]) {
          expect(parseProofs(body).every(({ number }) => Number.isSafeInteger(number) && number >= 0)).toBe(true);
        }
      }),
    );
  });
});
