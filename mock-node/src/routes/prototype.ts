import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { isSjcxAddress, PROTOTYPE_PREFIX } from '@downstream/protocol';
import express, { type Router } from 'express';
import type { Minter } from '../chunks/minter.ts';
import type { Ledger } from '../ledger/ledger.ts';

export interface PrototypeParts {
  readonly ledger: Ledger;
  readonly minter: Minter;
  readonly now: () => number;
}

export interface PrototypeOptions {
  readonly intervalMs: number;
  readonly contractForm: 'secret' | 'url';
}

/** The contracts of the prototype API. Errors are a `status` under HTTP 200, as the original's were. */
export function prototypeRoutes(
  { intervalMs, contractForm }: PrototypeOptions,
  { ledger, minter, now }: PrototypeParts,
): Router {
  const router = express.Router();

  router.get('/new/:address', (request, response) => {
    if (!isSjcxAddress(request.params.address)) {
      response.status(400).json({ status: 'error', message: 'Invalid address.' });
      return;
    }
    response.json({ token: ledger.register() });
  });

  router.get('/chunk/:token', async (request, response) => {
    const { token } = request.params;
    if (!ledger.knows(token)) {
      response.json({ status: 'no_token' });
      return;
    }
    const next = ledger.nextSecret(now());
    if (next === undefined) {
      response.json({ status: 'no_chunks' });
      return;
    }
    const { index, secret } = next;
    const chunk = await minter.mint(secret).catch((error: unknown) => {
      ledger.abandon();
      throw error;
    });
    const { fileHash } = chunk;
    const challenge = ledger.start(token, index, chunk, now());
    const url = `${request.protocol}://${request.get('host')}${PROTOTYPE_PREFIX}/download/${fileHash}`;
    response.json({
      ...(contractForm === 'secret' ? { secret } : { url }),
      file_hash: fileHash,
      challenge,
      interval: intervalMs / 1000,
    });
  });

  router.get('/due/:token', (request, response) => {
    const listing = ledger.due(request.params.token, now());
    if (listing === undefined) {
      response.json({ status: 'no_token' });
      return;
    }
    response.json({ all_contracts: listing.all.map((hash) => ({ hash })), due_contracts: listing.due });
  });

  router.get('/challenge/:token/:hash/:response', (request, response) => {
    const { token, hash, response: answer } = request.params;
    response.json({ status: ledger.answer(token, hash, answer, now()) });
  });

  for (const method of ['get', 'delete'] as const) {
    router[method]('/remove/:token/:hash', (request, response) => {
      response.json({ status: ledger.remove(request.params.token, request.params.hash, now()) });
    });
  }

  router.get('/download/:hash', async (request, response) => {
    const secret = ledger.secretOf(request.params.hash, now());
    if (secret === undefined) {
      response.status(404).json({ status: 'error', message: 'No such chunk.' });
      return;
    }
    response.type('application/octet-stream');
    await pipeline(Readable.from(minter.bytes(secret)), response);
  });

  return router;
}
