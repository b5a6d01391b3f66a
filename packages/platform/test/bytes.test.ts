import { formatBytes, parseBytes } from '@downstream/platform';
import { describe, expect, it } from '@jest/globals';

describe('parseBytes', () => {
  it.each([
    ['0', 0],
    ['33554432', 33_554_432],
    ['512MiB', 536_870_912],
    ['1GB', 1_000_000_000],
    ['1.5 kib', 1536],
    ['2TiB', 2 * 2 ** 40],
    ['', undefined],
    ['MiB', undefined],
    ['-1', undefined],
    ['1e9', undefined],
    ['1 PiB', undefined],
    ['1,5GB', undefined],
    ['1 GB 2', undefined],
    ['NaN', undefined],
    ['constructor', undefined],
    [' 7 ', 7],
    ['1kB', 1000],
    ['9007199254740991', Number.MAX_SAFE_INTEGER],
    ['9007199254740992', undefined],
    ['9999999TB', undefined],
  ])('parses %j as %p', (text, bytes) => expect(parseBytes(text)).toBe(bytes));
});

describe('formatBytes', () => {
  it.each([
    [0, '0 B'],
    [1023, '1023 B'],
    [33_554_432, '32 MiB'],
    [2 ** 60, '1048576 TiB'],
    [1_610_612_736, '1.5 GiB'],
  ])('formats %i as %s', (bytes, text) => expect(formatBytes(bytes)).toBe(text));
});
