import type { Socket } from 'node:net';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { setTimeout as pause } from 'node:timers/promises';
import type { Effect } from '@downstream/control-api';
import { randomio } from '@downstream/file-encryptor';
import type { Response } from 'express';
import type { AppliedFault } from '../faults/fault-plan.ts';
import { json, type Reply } from './reply.ts';

/** The connection that a reply goes over, and what effects need beside it. */
export interface Line {
  readonly response: Response;
  readonly socket: Socket;
  /** Aborted when the client has gone. */
  readonly signal: AbortSignal;
  /** Cuts every connection, and takes no new one for so long. */
  readonly refuse: (ms: number) => void;
  /** The node's seed: garbage is drawn from it. */
  readonly seed: string;
  /** Told the body that goes out, where it is one piece. */
  readonly note: (body: Buffer) => void;
}

type Outgoing = Omit<Reply, 'body'> & { readonly body: Reply['body'] | AsyncIterable<Buffer> };

/** Of a reply whose length is not known before, so much goes before it ends. */
const FIRST_BYTES = 64 * 1024;
const BLANKS = Buffer.alloc(FIRST_BYTES, ' ');

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
      line.socket.end(noise);
      return;
    }
    case 'dribble':
      return await send({ ...reply, body: inPieces(reply.body, effect, line.signal) }, line);
    case 'oversize':
      return await send({ ...reply, body: blownUp(reply.body, effect.bytes) }, line);
    case 'wrong_content_type':
      return await send({ ...reply, headers: { ...reply.headers, 'Content-Type': effect.contentType } }, line);
    case 'accept_but_drop_reply':
      line.socket.resetAndDestroy();
      return;
    default:
      return await send(reply, line);
  }
}

/** Does what a fault says in place of handling the request. */
export async function deliverInstead({ effect, retryAfterMs }: AppliedFault, line: Line): Promise<void> {
  switch (effect.kind) {
    case 'empty':
      line.socket.end();
      return;
    case 'hang':
      await pause(effect.forMs, undefined, { signal: line.signal });
      line.socket.resetAndDestroy();
      return;
    case 'refuse':
      line.socket.resetAndDestroy();
      line.refuse(effect.forMs);
      return;
    case 'status':
      return await send(refusal(effect.status, retryAfter(effect.retryAfterSeconds)), line);
    case 'rate_limit':
      return await send(refusal(429, retryAfter(Math.ceil((retryAfterMs ?? 0) / 1000))), line);
    case 'html':
      return await send(htmlPage(effect.status), line);
    case 'redirect':
      return await send(refusal(effect.status, { Location: effect.location }), line);
    default:
      line.socket.resetAndDestroy();
  }
}

/** How long the delays among these faults take together, in milliseconds. */
export function delayMs(faults: readonly AppliedFault[]): number {
  return faults.reduce((sum, { effect, chance }) => sum + delayOf(effect, chance), 0);
}

function delayOf(effect: Effect, chance: AppliedFault['chance']): number {
  switch (effect.kind) {
    case 'fixed':
      return effect.ms;
    case 'uniform':
      return effect.minMs + chance('delay') * (effect.maxMs - effect.minMs);
    case 'lognormal': {
      // Box-Muller: two even draws make a normal one.
      const normal = Math.sqrt(-2 * Math.log(1 - chance('radius'))) * Math.cos(2 * Math.PI * chance('angle'));
      return Math.min(effect.maxMs, effect.medianMs * Math.exp(effect.sigma * normal));
    }
    default:
      return 0;
  }
}

async function send({ status, headers, body }: Outgoing, { response, note }: Line): Promise<void> {
  begin(response, { status, headers });
  if (Buffer.isBuffer(body)) {
    note(body);
    response.set('Content-Length', String(body.length)).end(body);
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
  return json({ status: 'error', message: `This is what the node was told to say: HTTP ${status}.` }, status, headers);
}

function retryAfter(seconds: number | undefined): Record<string, string> {
  return seconds === undefined ? {} : { 'Retry-After': String(seconds) };
}

function htmlPage(status: number): Reply {
  const title = `${status} Bad Gateway`;
  const page = `<!doctype html>\n<html><head><title>${title}</title></head><body><h1>${title}</h1></body></html>\n`;
  return { status, headers: { 'Content-Type': 'text/html; charset=utf-8' }, body: Buffer.from(page) };
}

/** Promises more than comes: the connection is closed in the middle of the body. */
async function truncated({ status, headers, body }: Reply, afterBytes: number | undefined, line: Line): Promise<void> {
  const { response, socket } = line;
  begin(response, { status, headers });
  if (Buffer.isBuffer(body)) response.set('Content-Length', String(body.length));
  const most = afterBytes ?? (Buffer.isBuffer(body) ? Math.floor(body.length / 2) : FIRST_BYTES);
  response.flushHeaders();
  for (const piece of firstOf(body, most)) {
    if (line.signal.aborted) return;
    await new Promise<void>((resolve) => response.write(piece, () => resolve()));
  }
  socket.destroySoon();
}

/** The first bytes of a body, one less than all of it at most: what is truncated is never whole. */
function* firstOf(body: Reply['body'], most: number): Generator<Buffer> {
  let left = Buffer.isBuffer(body) ? Math.min(most, body.length - 1) : most;
  for (const piece of Buffer.isBuffer(body) ? [body] : body) {
    if (left <= 0) return;
    yield piece.subarray(0, left);
    left -= piece.length;
  }
}

function halfOf(body: Reply['body']): Buffer {
  const first = Buffer.concat([...firstOf(body, FIRST_BYTES)]);
  return first.subarray(0, Math.ceil(first.length / 2));
}

async function* inPieces(
  body: Reply['body'],
  { pieces, overMs }: { pieces: number; overMs: number },
  signal: AbortSignal,
): AsyncGenerator<Buffer> {
  let sent = 0;
  for (const block of Buffer.isBuffer(body) ? [body] : body) {
    for (const piece of cut(block, pieces)) {
      if (sent > 0 && sent < pieces) await pause(overMs / (pieces - 1), undefined, { signal });
      sent += 1;
      yield piece;
    }
  }
}

function* cut(body: Buffer, pieces: number): Generator<Buffer> {
  const size = Math.max(1, Math.ceil(body.length / pieces));
  for (let at = 0; at < body.length; at += size) yield body.subarray(at, at + size);
}

function* blownUp(body: Reply['body'], bytes: number): Generator<Buffer> {
  let left = bytes;
  for (const piece of Buffer.isBuffer(body) ? [body] : body) {
    yield piece;
    left -= piece.length;
  }
  for (; left > 0; left -= BLANKS.length) yield BLANKS.subarray(0, left);
}
