import { once } from 'node:events';
import { type IncomingMessage, request } from 'node:http';
import { CodedError, getErrorCode, parseJson } from '@downstream/platform';
import type { z } from 'zod';
import { errorResponse } from './reports.ts';

/** The running farmer could not be reached, did not respond or rejected the command. */
export class ControlError extends CodedError<'not_running' | 'no_response' | 'rejected' | 'not_found'> {}

type Method = 'GET' | 'POST' | 'DELETE';

const MAX_RESPONSE_CHARS = 4 * 1024 * 1024;
/** A backup of a large state on a slow disk takes long. */
const TIMEOUT_MS = 10 * 60_000;
/** Reading changes nothing and needs no disk. */
const READ_TIMEOUT_MS = 30_000;

/** Sends commands to the running farmer through its control socket. */
export class ControlClient {
  readonly #path: string;

  constructor(path: string) {
    this.#path = path;
  }

  /** @throws ControlError `not_running` if nothing listens on the socket */
  async ask<T>(method: Method, path: string, schema: z.ZodType<T>, body?: object): Promise<T> {
    const response = await this.#send(method, path, body);
    const json = parseJson(await readText(response));
    if (response.statusCode !== 200) throw this.#createError(response, json);
    return this.#parse(schema, json);
  }

  /**
   * Reads a response of one JSON value per line: a header, then any number of rows.
   *
   * @throws ControlError also if the response is incomplete
   */
  async askForRows<Header, Row>(
    path: string,
    { header, row }: { readonly header: z.ZodType<Header>; readonly row: z.ZodType<Row> },
  ): Promise<{ readonly header: Header; readonly rows: Row[] }> {
    const response = await this.#send('GET', path);
    if (response.statusCode !== 200) throw this.#createError(response, parseJson(await readText(response)));
    const rows: unknown[] = [];
    let rest = '';
    for await (const piece of readPieces(response)) {
      const lines = `${rest}${piece}`.split('\n');
      rest = lines.pop() ?? '';
      rows.push(...lines.map(parseJson));
    }
    return {
      header: this.#parse(header, rows[0]),
      rows: rows.slice(1).map((value) => this.#parse(row, value)),
    };
  }

  async #send(method: Method, path: string, body?: object): Promise<IncomingMessage> {
    const content = body === undefined ? '' : JSON.stringify(body);
    const headers = { 'Content-Type': 'application/json', 'Content-Length': Buffer.byteLength(content) };
    const timeout = method === 'GET' ? READ_TIMEOUT_MS : TIMEOUT_MS;
    // Without an agent, no connection is reused: it may be that of a farmer that has been restarted.
    const call = request({ socketPath: this.#path, agent: false, method, path, headers, timeout });
    call.on('timeout', () => {
      call.destroy(
        new ControlError(
          'no_response',
          `the farmer does not respond to this command within ${timeout / 1000} s: check its log, and whether its disk responds`,
        ),
      );
    });
    call.end(content);
    try {
      const [response]: IncomingMessage[] = await once(call, 'response');
      // An error after the response has started is an error of the response, too.
      call.on('error', () => {});
      if (response !== undefined) return response;
      throw createDisconnectedError();
    } catch (error) {
      throw toControlError(error);
    }
  }

  #parse<T>(schema: z.ZodType<T>, json: unknown): T {
    const result = schema.safeParse(json);
    if (result.success) return result.data;
    throw this.#createMismatchError(200);
  }

  #createError({ statusCode = 0 }: IncomingMessage, json: unknown): ControlError {
    const { message } = errorResponse.safeParse(json).data ?? this.#createMismatchError(statusCode);
    return new ControlError(statusCode === 404 ? 'not_found' : 'rejected', message);
  }

  #createMismatchError(status: number): ControlError {
    return new ControlError(
      'rejected',
      `unexpected response on ${this.#path} (HTTP ${status}): use the version of this command that matches the farmer`,
    );
  }
}

/** @throws ControlError also if the response is incomplete */
async function* readPieces(response: IncomingMessage): AsyncGenerator<string> {
  try {
    yield* response.setEncoding('utf8');
  } catch (error) {
    throw toControlError(error);
  }
}

async function readText(response: IncomingMessage): Promise<string> {
  let text = '';
  for await (const piece of readPieces(response)) {
    text += piece;
    if (text.length > MAX_RESPONSE_CHARS) throw new ControlError('rejected', "the farmer's response is too long");
  }
  return text;
}

function createDisconnectedError(): ControlError {
  return new ControlError('no_response', 'the farmer stopped while it performed this command: check whether it runs');
}

function toControlError(error: unknown): ControlError {
  if (error instanceof ControlError) return error;
  const code = getErrorCode(error);
  if (code === 'ENOENT' || code === 'ECONNREFUSED') {
    return new ControlError('not_running', 'no farmer is running in this data directory');
  }
  if (code === 'EACCES') {
    return new ControlError('rejected', 'the farmer runs as another user: run the command as that user');
  }
  if (code === 'ECONNRESET' || code === 'EPIPE') return createDisconnectedError();
  return new ControlError(
    'no_response',
    `the farmer cannot be reached (${code ?? 'unknown error'})`,
    {},
    { cause: error },
  );
}
