import { addAbortSignal, type Readable } from 'node:stream';
import { getErrorCode } from '@downstream/platform';
import { ChunkError } from '../farming/errors.ts';

export interface DownloadPort {
  download(url: string, options: { timeoutMs: number; signal?: AbortSignal | undefined }): Promise<Readable>;
}

/**
 * The downloads of one node's contracts. The node chooses the URLs, so they are restricted to its own origin and those
 * that the operator trusts: no node can make the farmer send requests to another one.
 */
export function createNodeDownloads(
  { nodeUrl, trustedOrigins }: { nodeUrl: string; trustedOrigins: readonly string[] },
  downloads: DownloadPort,
): DownloadPort {
  const allowed = new Set([nodeUrl, ...trustedOrigins].map((url) => new URL(url).origin));
  return {
    download: async (url, options) => {
      assertAllowedOrigin(url, allowed);
      return await downloads.download(url, options);
    },
  };
}

/** @throws ChunkError `download_rejected` if the contract names a server that the operator does not trust */
function assertAllowedOrigin(url: string, allowed: ReadonlySet<string>): void {
  const { origin } = new URL(url);
  if (allowed.has(origin)) return;
  throw new ChunkError(
    'download_rejected',
    `the contract names a server other than the node (${origin}): if you trust it, add it to FARMER_DOWNLOAD_ORIGINS`,
  );
}

/**
 * The blocks of a download.
 *
 * @throws ChunkError `download_failed` if it breaks off, `download_rejected` if it is longer than `maxBytes`
 */
export async function* readBody(
  body: Readable,
  { maxBytes, signal }: { maxBytes: number; signal: AbortSignal },
): AsyncGenerator<Buffer> {
  let bytes = 0;
  try {
    for await (const block of addAbortSignal(signal, body)) {
      bytes += block.length;
      if (bytes > maxBytes) throw new ChunkError('download_rejected', `the download is longer than ${maxBytes} bytes`);
      yield block;
    }
  } catch (error) {
    if (error instanceof ChunkError) throw error;
    throw new ChunkError('download_failed', 'the download broke off', { cause: getErrorCode(error) ?? 'unknown' });
  }
}
