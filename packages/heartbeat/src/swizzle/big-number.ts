/** Converts the big-endian unsigned number in `bytes[start, end)`; no bytes are 0. */
export function toBigInt(bytes: Buffer, start = 0, end: number = bytes.length): bigint {
  // Parsing hex is the fastest conversion that JavaScript offers.
  return start < end ? BigInt(`0x${bytes.toString('hex', start, end)}`) : 0n;
}

/** The shortest big-endian form; 0 is one byte. */
export function fromBigInt(number: bigint): Buffer {
  const hex = number.toString(16);
  return Buffer.from(hex.length % 2 === 0 ? hex : `0${hex}`, 'hex');
}

export function countBits(number: bigint): number {
  return number.toString(16).length * 4 - Math.clz32(Number.parseInt(number.toString(16).charAt(0), 16)) + 28;
}
