import { readBase64, rejectField } from '../json-fields.ts';
import { fromBigInt, toBigInt } from './big-number.ts';
import { MAX_NUMBER_BYTES } from './swizzle-types.ts';

/**
 * Reads the binary form of the original library: little-endian 32-bit integers, byte strings that follow their length,
 * and big-endian numbers as such byte strings. Checks each length before it reads.
 */
export class BinaryReader {
  readonly #bytes: Buffer;
  readonly #path: string;
  #position = 0;

  constructor(bytes: Buffer, path: string) {
    this.#bytes = bytes;
    this.#path = path;
  }

  /** @throws HeartbeatError `invalid_data` */
  static fromJSON(json: unknown, path: string, maxBytes: number): BinaryReader {
    return new BinaryReader(readBase64(json, path, 1, maxBytes), path);
  }

  readByte(field: string, allowed: readonly number[]): number {
    const [value = 0] = this.#read(1, field);
    return allowed.includes(value) ? value : this.reject(field, `one of ${allowed.join(', ')}`, String(value));
  }

  readInteger(field: string, min: number, max: number): number {
    const value = this.#read(4, field).readUInt32LE();
    return value >= min && value <= max ? value : this.reject(field, `from ${min} to ${max}`, String(value));
  }

  readBytes(field: string, min: number, max: number): Buffer {
    const length = this.#read(4, field).readUInt32LE();
    if (length >= min && length <= max) return this.#read(length, field);
    return this.reject(field, `${min === max ? max : `${min} to ${max}`} bytes`, `${length} bytes`);
  }

  readNumber(field: string): bigint {
    return toBigInt(this.readBytes(field, 0, MAX_NUMBER_BYTES));
  }

  /** Nothing must follow. */
  end(): void {
    const rest = this.#bytes.length - this.#position;
    if (rest > 0) rejectField(this.#path, `${this.#position} bytes`, `${rest} more`);
  }

  reject(field: string, expected: string, actual: string): never {
    return rejectField(`${this.#path}.${field}`, expected, actual);
  }

  #read(length: number, field: string): Buffer {
    const start = this.#position;
    const rest = this.#bytes.length - start;
    if (length > rest) this.reject(field, `complete, ${length} bytes`, `${rest} bytes`);
    this.#position += length;
    return this.#bytes.subarray(start, this.#position);
  }
}

/** The counterpart of {@link BinaryReader.readInteger}. */
export function encodeInteger(value: number): Buffer {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32LE(value);
  return bytes;
}

/** The counterpart of {@link BinaryReader.readBytes}. */
export function encodeBytes(bytes: Uint8Array): Buffer {
  return Buffer.concat([encodeInteger(bytes.length), bytes]);
}

/** The counterpart of {@link BinaryReader.readNumber}. */
export function encodeNumber(number: bigint): Buffer {
  return encodeBytes(fromBigInt(number));
}
