import type { Readable } from 'node:stream';
import { getErrorCode, SLICE_MS, yieldToEventLoop } from '@downstream/platform';
import type { RouteName } from '@downstream/protocol';
import { NodeError } from '../farming/errors.ts';

/** What is decoded and parsed in one step: at most a few milliseconds of work. */
const SLICE_BYTES = 16 * 1024;

export interface BodyLimits {
  readonly route: RouteName;
  /** After decompression. */
  readonly maxBytes: number;
}

/**
 * Decodes a response body piece by piece, without a byte order mark. Yields to other work
 * every few milliseconds: the socket may deliver megabytes at once. Reads all responses except downloads.
 *
 * @throws NodeError `invalid_response` if the body is longer than `maxBytes`, breaks off or cannot be decompressed
 */
export async function* readBody(
  body: Readable,
  { route, maxBytes }: BodyLimits,
  now = () => performance.now(),
): AsyncGenerator<string> {
  const decoder = new TextDecoder();
  let bytes = 0;
  let turnStartedAt = now();
  try {
    for await (const piece of body) {
      for (let at = 0; at < piece.length; at += SLICE_BYTES) {
        if (now() - turnStartedAt > SLICE_MS) {
          await yieldToEventLoop();
          turnStartedAt = now();
        }
        const slice = piece.subarray(at, at + SLICE_BYTES);
        bytes += slice.length;
        if (bytes > maxBytes)
          throw new NodeError('invalid_response', route, "the node's response is too long", { maxBytes });
        yield decoder.decode(slice, { stream: true });
      }
    }
    yield decoder.decode();
  } catch (error) {
    if (error instanceof NodeError) throw error;
    const cause = getErrorCode(error) ?? 'unknown';
    throw new NodeError('invalid_response', route, "the node's response is incomplete or cannot be decoded", { cause });
  }
}
