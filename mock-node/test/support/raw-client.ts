import { createHash } from 'node:crypto';
import { Agent, type ClientRequest, request as httpRequest, type IncomingHttpHeaders } from 'node:http';
import { connect } from 'node:net';

/** What a client without a library observes: every byte, and the end of the connection. */
export interface Seen {
  readonly text: string;
  readonly bytes: number;
  /** `closed` for a regular end, otherwise the code of the error. */
  readonly end: string;
}

/**
 * Sends one HTTP/1.1 request over a plain socket and reads until the connection ends.
 *
 * @param onText called with the text so far whenever more of it has arrived
 */
export async function talk(
  url: string,
  path: string,
  { requestId = 'by-hand', onText = (_text: string) => {} } = {},
): Promise<Seen> {
  const { hostname, port } = new URL(url);
  return await new Promise((resolve) => {
    const pieces: Buffer[] = [];
    let end = 'closed';
    const socket = connect({ host: hostname, port: Number(port) }, () => {
      const headers = ['Host: node', 'Connection: close', `X-Request-Id: ${requestId}`];
      socket.write(`GET ${path} HTTP/1.1\r\n${headers.join('\r\n')}\r\n\r\n`);
    });
    socket.on('data', (piece: Buffer) => {
      pieces.push(piece);
      onText(Buffer.concat(pieces).toString('latin1'));
    });
    socket.on('error', (error: NodeJS.ErrnoException) => {
      end = error.code ?? error.message;
    });
    socket.on('close', () => {
      const all = Buffer.concat(pieces);
      resolve({ text: all.toString('latin1'), bytes: all.length, end });
    });
  });
}

/** A response as Node's HTTP client parses it. */
export interface Asked {
  readonly status: number | undefined;
  readonly headers: IncomingHttpHeaders;
  readonly body: Buffer;
  /** The code of an error at any point. */
  readonly error: string | undefined;
}

/** Sends a request with Node's HTTP client, which follows no redirects and does not retry. */
export async function ask(url: string, path: string, { method = 'GET', agent = new Agent() } = {}): Promise<Asked> {
  return await new Promise((resolve) => {
    const pieces: Buffer[] = [];
    let status: number | undefined;
    let headers: IncomingHttpHeaders = {};
    const done = (error?: string) => resolve({ status, headers, body: Buffer.concat(pieces), error });
    const failed = (error: NodeJS.ErrnoException) => done(error.code ?? error.message);
    const request: ClientRequest = httpRequest(url + path, { method, agent }, (response) => {
      ({ statusCode: status, headers } = response);
      response.on('data', (piece: Buffer) => pieces.push(piece));
      response.on('end', () => done());
      response.on('error', failed);
    });
    request.on('error', failed);
    request.end();
  });
}

/** Like {@link ask}, but returns the size and the hash of a body that is too large to keep. */
export async function requestLargeBody(
  url: string,
  path: string,
): Promise<{ bytes: number; sha256: string; last: string }> {
  const hash = createHash('sha256');
  let bytes = 0;
  let last = '';
  return await new Promise((resolve, reject) => {
    const request = httpRequest(url + path, (response) => {
      response.on('data', (piece: Buffer) => {
        bytes += piece.length;
        hash.update(piece);
        last = piece.subarray(-16).toString();
      });
      response.on('end', () => resolve({ bytes, sha256: hash.digest('hex'), last }));
      response.on('error', reject);
    });
    request.on('error', reject);
    request.end();
  });
}

/** Long enough for a busy machine, and less than the time limit of a test, so that an error names the condition. */
const MAX_WAIT_MS = 25_000;

/** Checks a condition in each turn of the event loop until it holds. */
export async function until(what: string, holds: () => boolean | Promise<boolean>): Promise<void> {
  const end = performance.now() + MAX_WAIT_MS;
  while (!(await holds())) {
    if (performance.now() > end) throw new Error(`condition not met within ${MAX_WAIT_MS} ms: ${what}`);
    await new Promise(setImmediate);
  }
}
