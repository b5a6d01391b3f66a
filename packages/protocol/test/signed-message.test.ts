import { isSignedBy } from '@downstream/protocol';
import { describe, expect, it } from '@jest/globals';

// The known answer and the recorded requests of the original node.
const ADDRESS = '19qVgG8C6eXwKMMyvVegsi3xCsKyk3Z3jV';
const MESSAGE = 'test message';
const SIGNATURE = 'HyzVUenXXo4pa+kgm1vS8PNJM83eIXFC5r0q86FGbqFcdla6rcw72/ciXiEPfjli3ENfwWuESHhv6K9esI0dl5I=';
const OTHER = {
  address: '1BFcFimfkLQjuTV6vjQ7nd66MGQ5zcT6ty',
  signature: 'GyCcIuqP9WaQ7fGeqTdRpnD1eNXu6P/rMxR0eR65YaZy+wmG0F+ClUQrZEkI1tyugE3tBGkdkaLdKTq5bwEYeto=',
};

describe('isSignedBy', () => {
  it('accepts signatures that the original library made, with a compressed and an uncompressed key', () => {
    expect(isSignedBy(ADDRESS, MESSAGE, SIGNATURE)).toBe(true);
    expect(isSignedBy(OTHER.address, MESSAGE, OTHER.signature)).toBe(true);
  });

  it('rejects the signature of another message or address', () => {
    expect(isSignedBy(ADDRESS, `${MESSAGE}1`, SIGNATURE)).toBe(false);
    expect(isSignedBy(OTHER.address, MESSAGE, SIGNATURE)).toBe(false);
  });

  it('rejects a signature with any bit changed', () => {
    const bytes = Buffer.from(SIGNATURE, 'base64');
    for (let bit = 0; bit < 8 * bytes.length; bit += 7) {
      const changed = Buffer.from(bytes);
      changed[bit >> 3] = (changed[bit >> 3] ?? 0) ^ (1 << (bit % 8));
      expect(isSignedBy(ADDRESS, MESSAGE, changed.toString('base64'))).toBe(false);
    }
  });

  it.each([
    ['an empty text', ''],
    ['other characters', SIGNATURE.replace('+kg', '###')],
    ['a missing byte', SIGNATURE.slice(0, 84)],
    ['a line break after it', `${SIGNATURE}\n`],
    ['zeros', Buffer.alloc(65).toString('base64')],
    ['a header that is too large', Buffer.alloc(65, 0xff).toString('base64')],
  ])('rejects %s instead of a signature', (_, signature) => {
    expect(isSignedBy(ADDRESS, MESSAGE, signature)).toBe(false);
  });

  it('rejects what is not an address', () => {
    expect(isSignedBy('', MESSAGE, SIGNATURE)).toBe(false);
    expect(isSignedBy(ADDRESS.slice(1), MESSAGE, SIGNATURE)).toBe(false);
  });
});
