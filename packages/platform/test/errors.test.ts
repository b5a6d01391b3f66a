import { CodedError, getErrorCode } from '@downstream/platform';
import { describe, expect, it } from '@jest/globals';

describe('getErrorCode', () => {
  it.each([
    [122, 'EDQUOT'],
    [116, 'ESTALE'],
    [117, 'EUCLEAN'],
    [123, 'ENOMEDIUM'],
    [9999, 'Unknown system error -9999'],
  ])('names the error number %i, which Node.js does not', (errno, code) => {
    const error = Object.assign(new Error('x'), { errno: -errno, code: `Unknown system error -${errno}` });
    expect(getErrorCode(error)).toBe(code);
  });

  it('names the error number of an error of a synchronous function', () => {
    const create = (errno: number) => Object.assign(new Error('x'), { errno, code: 'UNKNOWN' });
    expect([-122, -4094].map((errno) => getErrorCode(create(errno)))).toEqual(['EDQUOT', 'UNKNOWN']);
  });

  it('returns the code of other errors, and undefined without one', () => {
    expect(getErrorCode(Object.assign(new Error('x'), { code: 'ENOSPC' }))).toBe('ENOSPC');
    expect(getErrorCode(new CodedError('locked', 'x'))).toBe('locked');
    for (const value of [new Error('x'), undefined, null, 'ENOSPC', { code: 5 }])
      expect(getErrorCode(value)).toBeUndefined();
  });
});
