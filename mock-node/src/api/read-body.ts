import { gunzipSync } from 'node:zlib';
import { getErrorCode } from '@downstream/platform';
import express, { type RequestHandler } from 'express';

const GZIP_MAGIC = Buffer.from([0x1f, 0x8b]);

/**
 * Reads the body of a request as text. The original v1 farmer sends `Content-Encoding: gzip` with a body that is not
 * compressed, so the first bytes decide, not the header.
 *
 * @param maxBytes of the body as sent and of the text
 */
export function readTextBody(maxBytes: number): RequestHandler[] {
  return [
    (request, _response, next) => {
      delete request.headers['content-encoding'];
      next();
    },
    express.raw({ type: () => true, limit: maxBytes }),
    (request, _response, next) => {
      const body: unknown = request.body;
      request.body = Buffer.isBuffer(body) ? decode(body, maxBytes) : '';
      next();
    },
  ];
}

function decode(body: Buffer, maxBytes: number): string {
  if (!body.subarray(0, 2).equals(GZIP_MAGIC)) return body.toString();
  try {
    return gunzipSync(body, { maxOutputLength: maxBytes }).toString();
  } catch (error) {
    if (getErrorCode(error) === 'ERR_BUFFER_TOO_LARGE')
      throw Object.assign(new Error('request entity too large'), { status: 413, expose: true });
    return '';
  }
}
