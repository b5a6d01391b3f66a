import { isSjcxAddress } from '@downstream/protocol';
import { describe, expect, it } from '@jest/globals';

describe('an SJCX address', () => {
  it('is Base58Check of version 0 and twenty bytes', () => {
    expect(isSjcxAddress('19qVgG8C6eXwKMMyvVegsi3xCsKyk3Z3jV')).toBe(true);
  });

  it.each([
    ['nothing', ''],
    ['a wrong checksum', '19qVgG8C6eXwKMMyvVegsi3xCsKyk3Z3jW'],
    ['another version', '3J98t1WpEZ73CNmQviecrnyiWrnqRhWNLy'],
    ['another kind of address', 'bc1qw508d6qejxtdg4y5r3zarvary0c5xw7kv8f3t4'],
    ['letters that Base58 has not', '19qVgG8C6eXwKMMyvVegsi3xCsKyk3Z3j0'],
    ['white space', ' 19qVgG8C6eXwKMMyvVegsi3xCsKyk3Z3jV'],
    ['a flood', '1'.repeat(10_000_000)],
  ])('is not %s', (_, text) => {
    expect(isSjcxAddress(text)).toBe(false);
  });
});
