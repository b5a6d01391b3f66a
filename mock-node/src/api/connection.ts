import type { Socket } from 'node:net';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import type { Response } from 'express';
import type { ApiResponse, Body } from './response.ts';

/** The connection of one request, and what effects need to misuse it. */
export interface Connection {
  readonly response: Response;
  readonly socket: Socket;
  /** Aborted when the client has disconnected. */
  readonly signal: AbortSignal;
  /** Waits in real time. Rejects when the client disconnects. */
  readonly sleep: (ms: number) => Promise<void>;
  /** Cuts all connections and refuses new ones for `ms`, or until the fault of this name is changed or removed. */
  readonly refuse: (ms: number, fault: string) => void;
  readonly seed: string;
  /** Node time that passes per unit of real time. */
  readonly timeScale: number;
  /** Called with the body before it is sent, if it is complete. */
  readonly onBody: (body: Buffer) => void;
}

/** HTTP allows no body with these statuses. */
const BODYLESS_STATUSES: readonly number[] = [204, 205, 304];

/** A response whose body may be produced over time. */
export type OutgoingResponse = Omit<ApiResponse, 'body'> & { readonly body: Body | AsyncIterable<Buffer> };

export async function send(outgoing: OutgoingResponse, { response, onBody }: Connection): Promise<void> {
  const { status, body } = outgoing;
  setHead(response, outgoing);
  if (BODYLESS_STATUSES.includes(status)) {
    response.removeHeader('Content-Type');
    response.end();
    return;
  }
  if (Buffer.isBuffer(body)) {
    onBody(body);
    if (body.length > 0) response.set('Content-Length', String(body.length));
    response.end(body);
    return;
  }
  if (response.req.method === 'HEAD') response.end();
  else await pipeline(Readable.from(body), response);
}

/** Sets the headers exactly as given: express would add a character set. */
export function setHead(response: Response, { status, headers }: Pick<ApiResponse, 'status' | 'headers'>): void {
  response.status(status).setHeaders(new Map(Object.entries(headers)));
}
