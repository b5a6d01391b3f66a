import { HeartbeatError } from './heartbeat-error.ts';

/**
 * Strict readers of JSON from peers. Each checks the length of its input before it decodes it. All throw a
 * HeartbeatError `invalid_data` that begins with `path`, the name of the field.
 */

/** Fails with a message such as `tag.chunksz: must be an integer (got "5")`. */
export function rejectField(path: string, expected: string, actual: string): never {
  throw new HeartbeatError('invalid_data', `${path}: must be ${expected} (got ${actual})`);
}

/** Names a value without its content, which may be long or secret. */
function describeValue(value: unknown): string {
  if (typeof value === 'number' || value === null) return String(value);
  if (typeof value === 'string') return `a string of ${value.length} characters`;
  if (Array.isArray(value)) return `an array of ${value.length}`;
  return value === undefined ? 'nothing' : `a value of type ${typeof value}`;
}

function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** Unknown fields are ignored, as in the original library. */
export function readObject(json: unknown, path: string): Readonly<Record<string, unknown>> {
  return isObject(json) ? json : rejectField(path, 'an object', describeValue(json));
}

export function readArray(json: unknown, path: string, min: number, max: number): readonly unknown[] {
  if (Array.isArray(json) && json.length >= min && json.length <= max) return json;
  return rejectField(path, `an array of ${min === max ? max : `${min} to ${max}`}`, describeValue(json));
}

export function readInteger(json: unknown, path: string, min: number, max: number = Number.MAX_SAFE_INTEGER): number {
  if (typeof json === 'number' && Number.isSafeInteger(json) && json >= min && json <= max) return json;
  return rejectField(path, `an integer from ${min} to ${max}`, describeValue(json));
}

export function readNumber(json: unknown, path: string, min: number, max: number): number {
  if (typeof json === 'number' && json >= min && json <= max) return json;
  return rejectField(path, `a number from ${min} to ${max}`, describeValue(json));
}

/** Decodes padded base64 with the standard alphabet, and nothing else. */
export function readBase64(json: unknown, path: string, minBytes: number, maxBytes: number): Buffer {
  if (typeof json === 'string' && json.length <= Math.ceil(maxBytes / 3) * 4) {
    const bytes = Buffer.from(json, 'base64');
    const isCanonical = bytes.toString('base64') === json;
    if (isCanonical && bytes.length >= minBytes && bytes.length <= maxBytes) return bytes;
  }
  const size = minBytes === maxBytes ? maxBytes : `${minBytes} to ${maxBytes}`;
  return rejectField(path, `base64 of ${size} bytes`, describeValue(json));
}

export function toBase64(bytes: Uint8Array): string {
  return toBuffer(bytes).toString('base64');
}

/** The same memory as a Buffer. */
export function toBuffer(bytes: Uint8Array): Buffer {
  return Buffer.isBuffer(bytes) ? bytes : Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length);
}
