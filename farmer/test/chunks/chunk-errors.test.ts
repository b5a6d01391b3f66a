import { describe, expect, it } from '@jest/globals';
import { createFileError } from '../../src/chunks/chunk-errors.ts';

describe('createFileError', () => {
  it.each(['EMFILE', 'ENFILE', 'ENOMEM', 'EAGAIN'])(
    'reports %s as exhaustion of the process, with a remedy',
    (code) => {
      expect(createFileError(code)).toMatchObject({ code: 'exhausted', message: expect.stringContaining('ulimit') });
    },
  );

  it.each([
    ['ENOSPC', 'no free space or no free inodes'],
    ['EDQUOT', 'quota is used up: raise it'],
  ])('reports %s as a full disk, with the resource and a remedy that frees space', (code, resource) => {
    expect(createFileError(code)).toMatchObject({
      code: 'disk_full',
      message: expect.stringMatching(`${resource}(?!.*FARMER_SIZE)`),
      details: { cause: code },
    });
  });
});
