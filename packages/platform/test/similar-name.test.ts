import { findSimilarName } from '@downstream/platform';
import { describe, expect, it } from '@jest/globals';

const KNOWN = ['node-url', 'node-alias', 'size', 'data-dir', 'http-port', 'proxy', 'log-level', 'scrub', 'explain'];

describe('findSimilarName', () => {
  it.each([
    ['siz', 'size'],
    ['SIZE', 'size'],
    ['datadir', 'data-dir'],
    ['DATA_DIR', 'data-dir'],
    ['port', 'http-port'],
    ['node_urls', 'node-url'],
    ['explian', 'explain'],
    ['log-levle', 'log-level'],
  ])('finds what %j means: %j', (name, expected) => {
    expect(findSimilarName(name, KNOWN)).toBe(expected);
  });

  it.each(['', 'zzz', 'x'.repeat(100_000)])('finds nothing if no name is similar', (name) => {
    expect(findSimilarName(name, KNOWN)).toBeUndefined();
  });
});
