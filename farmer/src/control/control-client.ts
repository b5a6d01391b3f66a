import { request } from 'node:http';
import { CodedError, getErrorCode, parseJson } from '@downstream/platform';
import type { z } from 'zod';
import { errorResponse } from './reports.ts';

/** The running farmer could not be reached or rejected the command. */
export class ControlError extends CodedError<'not_running' | 'rejected' | 'not_found'> {}

const MAX_RESPONSE_BYTES = 4 * 1024 * 1024;
const TIMEOUT_MS = 10 * 60_000;

/** Sends commands to the running farmer through its control socket. */
export class ControlClient {
  readonly #path: string;

  constructor(path: string) {
    this.#path = path;
  }

  /** @throws ControlError `not_running` if nothing listens on the socket */
  async ask<T>(method: 'GET' | 'POST' | 'DELETE', path: string, schema: z.ZodType<T>, body?: object): Promise<T> {
    const { status, text } = await this.#send(method, path, body);
    const json = parseJson(text);
    const result = schema.safeParse(json);
    if (status === 200 && result.success) return result.data;
    const message =
      errorResponse.safeParse(json).data?.message ??
      `unexpected response on ${this.#path} (HTTP ${status}): use the version of this command that matches the farmer`;
    throw new ControlError(status === 404 ? 'not_found' : 'rejected', message);
  }

  async #send(method: string, path: string, body: object | undefined): Promise<{ status: number; text: string }> {
    return await new Promise((resolve, reject) => {
      const content = body === undefined ? '' : JSON.stringify(body);
      const headers = { 'Content-Type': 'application/json', 'Content-Length': Buffer.byteLength(content) };
      const call = request({ socketPath: this.#path, method, path, headers, timeout: TIMEOUT_MS }, (response) => {
        let text = '';
        response.setEncoding('utf8');
        response.on('data', (piece: string) => {
          text += piece;
          if (text.length > MAX_RESPONSE_BYTES) call.destroy(new Error("the farmer's response is too long"));
        });
        response.on('error', reject);
        response.on('end', () => resolve({ status: response.statusCode ?? 0, text }));
      });
      call.on('timeout', () => call.destroy(new Error('the farmer did not respond in time')));
      call.on('error', (error) => reject(toControlError(error)));
      call.end(content);
    });
  }
}

function toControlError(error: unknown): unknown {
  const code = getErrorCode(error);
  if (code === 'ENOENT' || code === 'ECONNREFUSED') {
    return new ControlError('not_running', 'no farmer is running in this data directory');
  }
  if (code === 'EACCES') {
    return new ControlError('rejected', 'the farmer runs as another user: run the command as that user');
  }
  return error;
}
