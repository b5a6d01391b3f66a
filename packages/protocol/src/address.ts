import bs58check from 'bs58check';

/** SJCX addresses are Bitcoin addresses of this version. */
const VERSION = 0;

/** Whether a text is an SJCX address: Base58Check of the version byte and twenty bytes. */
export function isSjcxAddress(text: string): boolean {
  const payload = text.length <= 64 ? bs58check.decodeUnsafe(text) : undefined;
  return payload !== undefined && payload.length === 21 && payload[0] === VERSION;
}
