import type { Readable } from 'node:stream';
import { getErrorCode } from '@downstream/platform';
import type { RouteName } from '@downstream/protocol';
import { NodeError } from '../farming/errors.ts';

export interface BodyLimits {
  readonly route: RouteName;
  /** After decompression. */
  readonly maxBytes: number;
}

/**
 * Decodes a response body piece by piece, without a byte order mark. The body of every response passes this function.
 *
 * @throws NodeError `invalid_response` if the body is longer than `maxBytes`, breaks off or cannot be decompressed
 */
export async function* readBody(body: Readable, { route, maxBytes }: BodyLimits): AsyncGenerator<string> {
  const decoder = new TextDecoder();
  let bytes = 0;
  try {
    for await (const piece of body) {
      bytes += piece.length;
      if (bytes > maxBytes)
        throw new NodeError('invalid_response', route, "the node's response is too long", { maxBytes });
      yield decoder.decode(piece, { stream: true });
    }
    yield decoder.decode();
  } catch (error) {
    if (error instanceof NodeError) throw error;
    const cause = getErrorCode(error) ?? 'unknown';
    throw new NodeError('invalid_response', route, "the node's response is incomplete or cannot be decoded", { cause });
  }
}
