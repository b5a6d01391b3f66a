import {
  challengeEntry,
  chunkOffer,
  contractId,
  heartbeatResponse,
  NO_MORE_CHALLENGES,
  reportEntry,
  toFarmerId,
} from '@downstream/protocol';
import { describe, expect, it } from '@jest/globals';

const OFFER = { file_hash: 1, seed: 'ab', size: 32_768, challenge: {}, tag: {}, due: 5.99 };

describe('the id of a contract', () => {
  it.each([0, 17, Number.MAX_SAFE_INTEGER, '17', 'a'.repeat(64)])('may be %s, and keeps its type', (id) => {
    expect(contractId.parse(id)).toBe(id);
  });

  it.each([-1, 1.5, Number.NaN, 2 ** 53, '', '../x', 'a/b', 'a'.repeat(129), null, true, [], {}])(
    'may not be %j',
    (id) => {
      expect(contractId.safeParse(id).success).toBe(false);
    },
  );
});

describe('an offered chunk', () => {
  it('states its deadline in seconds, which become whole milliseconds, rounded down', () => {
    expect(chunkOffer.parse(OFFER)).toEqual({ ...OFFER, due: 5_990 });
    expect(chunkOffer.parse({ ...OFFER, due: 13.995783 })).toMatchObject({ due: 13_995 });
  });

  it.each([
    ['a negative deadline', { due: -0.1 }],
    ['a deadline that is not a number', { due: Number.NaN }],
    ['an infinite deadline', { due: Number.POSITIVE_INFINITY }],
    ['a deadline as text', { due: '6' }],
    ['a deadline in more than a year', { due: 1e9 }],
    ['a size of 0', { size: 0 }],
    ['a fractional size', { size: 1.5 }],
    ['a size that no disk has', { size: 2 ** 41 }],
    ['no challenge', { challenge: undefined }],
    ['a challenge that is null', { challenge: null }],
    ['a challenge that is a list', { challenge: [] }],
    ['an empty challenge', { challenge: '' }],
    ['a tag that is a number', { tag: 5 }],
    ['an empty seed', { seed: '' }],
    ['a long seed', { seed: 'x'.repeat(1_025) }],
  ])('is rejected with %s', (_, change) => {
    expect(chunkOffer.safeParse({ ...OFFER, ...change }).success).toBe(false);
  });
});

describe('the response of /new and /heartbeat', () => {
  const response = { token: 'f'.repeat(32), type: 'Merkle', heartbeat: { key: '', check_fraction: 0.01 } };

  it('is accepted with a known scheme only', () => {
    expect(heartbeatResponse.parse(response)).toEqual(response);
    expect(heartbeatResponse.safeParse({ ...response, type: 'Quantum' }).success).toBe(false);
  });
});

describe('an entry about a contract', () => {
  it('is a challenge, the end of challenges, or an error', () => {
    const challenge = { file_hash: 1, challenge: {}, due: 2, answered: true };
    expect(challengeEntry.parse(challenge)).toEqual({ ...challenge, due: 2_000 });
    for (const entry of [
      { file_hash: 1, status: NO_MORE_CHALLENGES },
      { file_hash: '1', error: 'contract expired' },
    ])
      expect(challengeEntry.parse(entry)).toEqual(entry);
    for (const entry of [null, {}, { file_hash: 1 }, { file_hash: 1, status: 'other' }, { ...challenge, due: -1 }])
      expect(challengeEntry.safeParse(entry).success).toBe(false);
  });

  it('reports an accepted proof or an error', () => {
    for (const entry of [
      { file_hash: 1, status: 'ok' },
      { file_hash: 1, error: 'Invalid proof' },
    ])
      expect(reportEntry.parse(entry)).toEqual(entry);
    for (const entry of [
      { file_hash: 1, status: 'fine' },
      { file_hash: 1, error: 'x'.repeat(5_000) },
    ])
      expect(reportEntry.safeParse(entry).success).toBe(false);
  });
});

describe('toFarmerId', () => {
  it('is the beginning of the SHA-256 of the token, as the original node showed it', () => {
    expect(toFarmerId('f8be23db89deffe72dc05521b5f8109a')).toBe('d118915200a2edbf9446');
    expect(toFarmerId('9c3d032ce2949d19af545e31782bcaa2')).toBe('a397e14b4257fa159ec0');
  });
});
