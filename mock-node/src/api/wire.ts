import { STATUS_CODES } from 'node:http';
import type { Socket } from 'node:net';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { setTimeout as pause } from 'node:timers/promises';
import { randomio } from '@downstream/file-encryptor';
import type { Response } from 'express';
import type { AppliedFault } from '../faults/fault-plan.ts';
import { type Body, blownUp, firstOf, halfOf, inPieces, PREFIX_BYTES } from './bodies.ts';
import { json, type Reply } from './reply.ts';

/** The connection that a reply goes over, and what effects need beside it. */
export interface Line {
  readonly response: Response;
  readonly socket: Socket;
  /** Aborted when the client has gone. */
  readonly signal: AbortSignal;
  /** Cuts every connection, and takes no new one for so long, or until that fault is changed or taken away. */
  readonly refuse: (ms: number, fault: string) => void;
  /** The node's seed: garbage is drawn from it. */
  readonly seed: string;
  /** So much node time passes in a unit of the client's. */
  readonly timeScale: number;
  /** Told the body that goes out, where it is one piece. */
  readonly note: (body: Buffer) => void;
}

type Outgoing = Omit<Reply, 'body'> & { readonly body: Body | AsyncIterable<Buffer> };

/** Sends a reply, or what a fault makes of it. */
export async function deliver(reply: Reply, fault: AppliedFault | undefined, line: Line): Promise<void> {
  const effect = fault?.effect;
  switch (effect?.kind) {
    case 'truncate':
      return await truncated(reply, effect.afterBytes, line);
    case 'malformed_json':
      return await send({ ...reply, body: halfOf(reply.body) }, line);
    case 'garbage': {
      const noise = Buffer.concat([...randomio(`${line.seed} ${fault?.name} ${fault?.index}`, effect.bytes)]);
      if (effect.instead === 'body') return await send({ ...reply, body: noise }, line);
      line.socket.write(noise);
      line.socket.destroySoon();
      return;
    }
    case 'dribble':
      return await send({ ...reply, body: inPieces(reply.body, effect, line.signal) }, line);
    case 'oversize':
      return await send({ ...reply, body: blownUp(reply.body, effect.bytes) }, line);
    case 'wrong_content_type':
      return await send({ ...reply, headers: { ...reply.headers, 'Content-Type': effect.contentType } }, line);
    case 'drop_response':
      line.socket.resetAndDestroy();
      return;
    default:
      return await send(reply, line);
  }
}

/** Does what a fault says in place of handling the request. */
export async function deliverInstead({ name, effect, retryAfterMs = 0 }: AppliedFault, line: Line): Promise<void> {
  switch (effect.kind) {
    case 'empty':
      line.socket.destroySoon();
      return;
    case 'hang':
      await pause(effect.forMs, undefined, { signal: line.signal });
      line.socket.resetAndDestroy();
      return;
    case 'refuse':
      line.socket.resetAndDestroy();
      line.refuse(effect.forMs, name);
      return;
    case 'status':
      return await send(refusal(effect.status, retryAfter(effect.retryAfterSeconds)), line);
    case 'rate_limit':
      return await send(refusal(429, retryAfter(Math.ceil(retryAfterMs / 1000 / line.timeScale))), line);
    case 'html':
      return await send(htmlPage(effect.status), line);
    case 'redirect':
      return await send(refusal(effect.status, { Location: effect.location }), line);
    default:
      line.socket.resetAndDestroy();
  }
}

async function send({ status, headers, body }: Outgoing, { response, note }: Line): Promise<void> {
  begin(response, { status, headers });
  if (Buffer.isBuffer(body)) {
    note(body);
    if (body.length > 0) response.set('Content-Length', String(body.length));
    response.end(body);
    return;
  }
  if (response.req.method === 'HEAD') response.end();
  else await pipeline(Readable.from(body), response);
}

/** Headers go out to the letter: express would add a character set. */
function begin(response: Response, { status, headers }: Pick<Reply, 'status' | 'headers'>): void {
  response.status(status).setHeaders(new Map(Object.entries(headers)));
}

function refusal(status: number, headers: Readonly<Record<string, string>>): Reply {
  const message = `This is what the node was told to say: HTTP ${status}.`;
  return isBare(status) ? bare(status, headers) : json({ status: 'error', message }, status, headers);
}

function retryAfter(seconds: number | undefined): Record<string, string> {
  return seconds === undefined ? {} : { 'Retry-After': String(seconds) };
}

function htmlPage(status: number): Reply {
  if (isBare(status)) return bare(status);
  const title = `${status} ${STATUS_CODES[status] ?? ''}`.trim();
  const page = `<!doctype html>\n<html><head><title>${title}</title></head><body><h1>${title}</h1></body></html>\n`;
  return { status, headers: { 'Content-Type': 'text/html; charset=utf-8' }, body: Buffer.from(page) };
}

/** Whether HTTP has no body with that status. */
function isBare(status: number): boolean {
  return [204, 205, 304].includes(status);
}

function bare(status: number, headers: Readonly<Record<string, string>> = {}): Reply {
  return { status, headers, body: Buffer.alloc(0) };
}

/** Promises more than comes: the connection is closed in the middle of the body. */
async function truncated({ status, headers, body }: Reply, afterBytes: number | undefined, line: Line): Promise<void> {
  const { response, socket, signal } = line;
  begin(response, { status, headers });
  if (Buffer.isBuffer(body)) response.set('Content-Length', String(body.length));
  const most = afterBytes ?? (Buffer.isBuffer(body) ? Math.floor(body.length / 2) : PREFIX_BYTES);
  response.flushHeaders();
  for (const piece of firstOf(body, most)) {
    if (signal.aborted) return;
    await new Promise<void>((resolve) => response.write(piece, () => resolve()));
  }
  socket.destroySoon();
}
