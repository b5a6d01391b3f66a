import { describe, expect, it } from '@jest/globals';
import { toStateError } from '../../src/state/sqlite.ts';

describe('toStateError', () => {
  it.each([
    [11, 'damaged'],
    [26, 'damaged'],
    // The disk does not return what was written.
    [266, 'damaged'],
    [522, 'damaged'],
    // The disk is full or a flush failed: what is stored is intact.
    [13, 'full'],
    [4874, 'full'],
    [1034, 'unusable'],
    [8, 'not_writable'],
    [5, 'locked'],
  ])('classifies the SQLite result code %i as %s', (errcode, code) => {
    expect(toStateError(Object.assign(new Error('x'), { errcode }), '/state.db')).toMatchObject({ code });
  });
});
