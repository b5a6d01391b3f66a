import { findAddressMistake, isSjcxAddress } from '@downstream/protocol';
import { describe, expect, it } from '@jest/globals';

describe('isSjcxAddress', () => {
  it('accepts Base58Check of version 0 and 20 bytes', () => {
    for (const known of ['19qVgG8C6eXwKMMyvVegsi3xCsKyk3Z3jV', '1111111111111111111114oLvT2']) {
      expect(isSjcxAddress(known)).toBe(true);
    }
  });

  it('rejects an address with any one letter changed', () => {
    const known = '19qVgG8C6eXwKMMyvVegsi3xCsKyk3Z3jV';
    const letters = '123456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz';
    for (let at = 0; at < known.length; at++) {
      const letter = letters[(letters.indexOf(known.charAt(at)) + 1) % letters.length];
      expect(isSjcxAddress(known.slice(0, at) + letter + known.slice(at + 1))).toBe(false);
    }
  });

  it.each([
    ['an empty text', ''],
    ['a wrong checksum', '19qVgG8C6eXwKMMyvVegsi3xCsKyk3Z3jW'],
    ['another version', '3J98t1WpEZ73CNmQviecrnyiWrnqRhWNLy'],
    ['another kind of address', 'bc1qw508d6qejxtdg4y5r3zarvary0c5xw7kv8f3t4'],
    ['letters that are not in Base58', '19qVgG8C6eXwKMMyvVegsi3xCsKyk3Z3j0'],
    ['white space', ' 19qVgG8C6eXwKMMyvVegsi3xCsKyk3Z3jV'],
    ['a line break after it', '19qVgG8C6eXwKMMyvVegsi3xCsKyk3Z3jV\n'],
    ['a missing letter', '19qVgG8C6eXwKMMyvVegsi3xCsKyk3Z3j'],
    ['an extra leading 1', '119qVgG8C6eXwKMMyvVegsi3xCsKyk3Z3jV'],
    ['a payload of 19 bytes', '19RGzyTbQ82XD5wEsifPmHunGjQEUjk5'],
    ['a payload of 21 bytes', '13q1P3NyDM6J9SNKPaBC7rMQ9NMEabXocoX'],
    ['a testnet address', 'mipcBbFg9gMiCh81Kj8tqqdgoZub1ZJRfn'],
    ['a private key', '5HueCGU8rMjxEXxiPuD5BDku4MkFqeZyd4dZ1jvhTVqvbTLvyTJ'],
    ['full-width digits', '１９qVgG8C6eXwKMMyvVegsi3xCsKyk3Z3jV'],
    ['a very long text', '9qVgG8C6eXwKMMyvVegsi3xCsKyk3Z3jV'.repeat(300_000)],
    ['ten million letters', '1'.repeat(10_000_000)],
  ])('rejects %s', (_, text) => {
    expect(isSjcxAddress(text)).toBe(false);
  });
});

describe('findAddressMistake', () => {
  it.each([
    [
      '19qVgG8C6eXwKMMyvVegsi3xCsKyk3Z3jW',
      'the checksum is wrong: at least one character is mistyped, missing or extra',
    ],
    [
      '19qVgG8C6eXwKMMyvVegsi3xCsKyk3Z3j',
      'the checksum is wrong: at least one character is mistyped, missing or extra',
    ],
    ['19qVgG8C6eXwKMMyvVegsi3xCsKyk3Z3j0', 'addresses do not contain the character "0"'],
    ['19qVgG8C6eXwKMMyvVegsi3xCsKyk3Z3jV ', 'remove the spaces around it'],
    ['1', 'it has 1 characters instead of 26 to 35'],
    ['mipcBbFg9gMiCh81Kj8tqqdgoZub1ZJRfn', 'this is an address of another kind or network'],
    ['bc1qw508d6qejxtdg4y5r3zarvary0c5xw7kv8f3t4', 'this is a Bech32 address'],
    ['19qVgG8C6eXwKMMyvVegsi3xCsKyk3Z3jV', undefined],
  ])('returns what is wrong with %j: %s', (text, mistake) => {
    expect(findAddressMistake(text)).toBe(mistake);
  });
});
