import bs58check from 'bs58check';

/** Version byte of SJCX addresses, which are Bitcoin addresses. */
const VERSION = 0;

/** An SJCX address is Base58Check of the version byte and 20 bytes. */
export function isSjcxAddress(text: string): boolean {
  const payload = text.length <= 64 ? bs58check.decodeUnsafe(text) : undefined;
  return payload !== undefined && payload.length === 21 && payload[0] === VERSION;
}
