import { request } from 'node:http';
import { CodedError, getErrorCode } from '@downstream/platform';
import type { z } from 'zod';
import { failure } from './reports.ts';

/** The farmer that runs could not be asked, or said no. */
export class ControlError extends CodedError<'not_running' | 'refused' | 'not_found'> {}

const MAX_RESPONSE_BYTES = 4 * 1024 * 1024;
const TIMEOUT_MS = 10 * 60_000;

/** Asks a running farmer through its socket. */
export class ControlClient {
  readonly #path: string;

  /** @param socket of the data directory */
  constructor(socket: string) {
    this.#path = socket;
  }

  /** @throws ControlError `not_running` where nobody listens there */
  async ask<T>(method: 'GET' | 'POST' | 'DELETE', path: string, schema: z.ZodType<T>, body?: object): Promise<T> {
    const { status, text } = await this.#send(method, path, body);
    const said = parsed(text);
    const answer = schema.safeParse(said);
    if (status === 200 && answer.success) return answer.data;
    const message =
      failure.safeParse(said).data?.message ??
      `what answers at ${this.#path} (HTTP ${status}) is no farmer of this version: run the command of its version`;
    throw new ControlError(status === 404 ? 'not_found' : 'refused', message);
  }

  async #send(method: string, path: string, body: object | undefined): Promise<{ status: number; text: string }> {
    return await new Promise((resolve, reject) => {
      const text = body === undefined ? '' : JSON.stringify(body);
      const headers = { 'Content-Type': 'application/json', 'Content-Length': Buffer.byteLength(text) };
      const call = request({ socketPath: this.#path, method, path, headers, timeout: TIMEOUT_MS }, (response) => {
        let said = '';
        response.setEncoding('utf8');
        response.on('data', (piece: string) => {
          said += piece;
          if (said.length > MAX_RESPONSE_BYTES) call.destroy(new Error('the reply is too long'));
        });
        response.on('error', reject);
        response.on('end', () => resolve({ status: response.statusCode ?? 0, text: said }));
      });
      call.on('timeout', () => call.destroy(new Error('the farmer did not answer in time')));
      call.on('error', (error) => reject(toControlError(error)));
      call.end(text);
    });
  }
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

function toControlError(error: unknown): unknown {
  const code = getErrorCode(error);
  if (code === 'ENOENT' || code === 'ECONNREFUSED') {
    return new ControlError('not_running', 'no farmer runs on this data directory');
  }
  if (code === 'EACCES')
    return new ControlError('refused', 'this farmer belongs to another user: run the command as that user');
  return error;
}
