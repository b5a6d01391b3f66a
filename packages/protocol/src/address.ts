import bs58check from 'bs58check';

/** Version byte of SJCX addresses, which are Bitcoin addresses. */
const VERSION = 0;
const [MIN_CHARS, MAX_CHARS] = [26, 35];
const OTHER_CHARACTER = /[^1-9A-HJ-NP-Za-km-z]/u;

/** An SJCX address is Base58Check of the version byte and 20 bytes. */
export function isSjcxAddress(text: string): boolean {
  return findAddressMistake(text) === undefined;
}

/** @returns what is wrong with an SJCX address; undefined if it is valid */
export function findAddressMistake(text: string): string | undefined {
  if (text !== text.trim()) return 'remove the spaces around it';
  if (/^bc1/i.test(text)) return 'this is a Bech32 address';
  const [other] = OTHER_CHARACTER.exec(text) ?? [];
  if (other !== undefined) return `addresses do not contain the character ${JSON.stringify(other)}`;
  if (text.length < MIN_CHARS || text.length > MAX_CHARS)
    return `it has ${text.length} characters instead of ${MIN_CHARS} to ${MAX_CHARS}`;
  const payload = bs58check.decodeUnsafe(text);
  if (payload === undefined) return 'the checksum is wrong: at least one character is mistyped, missing or extra';
  if (payload.length === 21 && payload[0] === VERSION) return undefined;
  return 'this is an address of another kind or network';
}
