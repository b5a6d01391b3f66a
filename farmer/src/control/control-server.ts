import { once } from 'node:events';
import { chmodSync, rmSync } from 'node:fs';
import { createServer } from 'node:http';
import { CodedError, getErrorMessage, type Logger } from '@downstream/platform';
import express, { type ErrorRequestHandler, type Express } from 'express';
import { z } from 'zod';
import { MAX_ENTRIES, type Operations } from './reports.ts';

/** The socket's name in the data directory. */
export const CONTROL_SOCKET = 'control.sock';
/** Linux takes no longer ones. */
const MAX_SOCKET_PATH_BYTES = 107;

const exitBody = z.object({ node: z.string().max(63).optional() });
const explainQuery = z.object({ last: z.coerce.number().int().min(1).max(MAX_ENTRIES).optional() });
const backupBody = z.object({ path: z.string().min(1).max(4096) });

export interface ControlServer {
  close(): Promise<void>;
}

/**
 * Serves commands at a Unix socket that the owner alone may open.
 *
 * @returns undefined where there can be no socket (the path is too long, the file system has none): the farmer goes on without
 */
export async function openControlServer(
  path: string,
  { operations, log }: { operations: Operations; log: Logger },
): Promise<ControlServer | undefined> {
  if (Buffer.byteLength(path) > MAX_SOCKET_PATH_BYTES) {
    log.warn('no commands are taken: the path of the data directory is too long for a socket', { path });
    return undefined;
  }
  const server = createServer(createControlApp(operations));
  try {
    // There is no other farmer here, its state is locked: what lies there is left from before.
    rmSync(path, { force: true });
    server.listen(path);
    await once(server, 'listening');
    chmodSync(path, 0o600);
  } catch (error) {
    server.close();
    log.warn('no commands are taken: the data directory has no room for a socket', { path, error });
    return undefined;
  }
  return {
    close: async () => {
      server.closeAllConnections();
      await new Promise<void>((resolve) => server.close(() => resolve()));
    },
  };
}

function createControlApp(operations: Operations): Express {
  const app = express();
  app.disable('x-powered-by');
  app.use(express.json({ limit: '16kb' }));
  app.get('/explain/:contract', ({ params, query }, response) => {
    const report = operations.explain(params.contract, explainQuery.parse(query).last);
    if (report) response.json(report);
    else
      response
        .status(404)
        .json({ status: 'error', message: 'no contract, or more than one, whose id begins like this' });
  });
  app.get('/scrub', (_request, response) => void response.json(operations.scrub()));
  app.post('/scrub', (_request, response) => void response.json(operations.startScrub()));
  app.get('/exit', (_request, response) => void response.json(operations.leaving()));
  app.post('/exit', ({ body }, response) => void response.json(operations.leave(exitBody.parse(body ?? {}).node)));
  app.delete('/exit', ({ body }, response) => void response.json(operations.stay(exitBody.parse(body ?? {}).node)));
  app.post('/backup', async ({ body }, response) => {
    response.json(await operations.backup(backupBody.parse(body).path));
  });
  const failed: ErrorRequestHandler = (error: unknown, _request, response, _next) => {
    const status = error instanceof CodedError || error instanceof z.ZodError ? 400 : 500;
    const message = error instanceof z.ZodError ? 'not a command that this farmer knows' : getErrorMessage(error);
    response.status(status).json({ status: 'error', message });
  };
  app.use(failed);
  return app;
}
