import { describe, expect, it } from '@jest/globals';
import { createFileError } from '../../src/chunks/chunk-errors.ts';

describe('createFileError', () => {
  it.each(['EMFILE', 'ENFILE', 'ENOMEM', 'EAGAIN'])(
    'reports %s as exhaustion of the process, with a remedy',
    (code) => {
      expect(createFileError(code)).toMatchObject({ code: 'exhausted', message: expect.stringContaining('ulimit') });
    },
  );

  it.each(['ENOSPC', 'EDQUOT'])('reports %s as a full disk, with a remedy', (code) => {
    expect(createFileError(code)).toMatchObject({
      code: 'disk_full',
      message: expect.stringContaining('FARMER_SIZE'),
      details: { cause: code },
    });
  });
});
