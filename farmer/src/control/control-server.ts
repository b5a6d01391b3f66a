import { once } from 'node:events';
import { chmodSync, lstatSync, rmSync } from 'node:fs';
import { createServer } from 'node:http';
import { CodedError, getErrorMessage, type Logger } from '@downstream/platform';
import { getClientErrorStatus } from '@downstream/platform/web';
import express, { type ErrorRequestHandler, type Express } from 'express';
import { z } from 'zod';
import { ContractIdError, toStatus } from './find-contract.ts';
import { MAX_ENTRIES, type Operations } from './reports.ts';

/** File name in the data directory. */
export const CONTROL_SOCKET = 'control.sock';
/** The limit on Linux. */
const MAX_SOCKET_PATH_BYTES = 107;

const exitBody = z.object({ node: z.string().max(63).optional() });
const explainQuery = z.object({ last: z.coerce.number().int().min(1).max(MAX_ENTRIES).optional() });
const replacementBody = z.object({
  path: z.string().min(1).max(4096),
  allowSharedFileSystem: z.boolean(),
  dryRun: z.boolean(),
});
const backupBody = z.object({ path: z.string().min(1).max(4096) });

export interface ControlServer {
  close(): Promise<void>;
}

/**
 * Serves commands on a Unix socket that only its owner may open.
 *
 * @returns undefined if the socket cannot be created: the farmer works without it
 */
export async function openControlServer(
  path: string,
  { operations, log }: { operations: Operations; log: Logger },
): Promise<ControlServer | undefined> {
  if (Buffer.byteLength(path) > MAX_SOCKET_PATH_BYTES) {
    log.warn('control socket unavailable', { path, error: 'the path is too long' });
    return undefined;
  }
  const server = createServer(createControlApp(operations));
  try {
    // The state is locked, so no other farmer is using this socket: it is a leftover of a crash.
    if (lstatSync(path, { throwIfNoEntry: false })?.isSocket()) rmSync(path);
    server.listen(path);
    await once(server, 'listening');
    chmodSync(path, 0o600);
  } catch (error) {
    server.close();
    log.warn('control socket unavailable', { path, error });
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
    if (!(report instanceof ContractIdError)) response.json(report);
    else response.status(toStatus(report)).json({ status: 'error', message: report.message });
  });
  app.get('/scrub', (_request, response) => void response.json(operations.getScrub()));
  app.post('/scrub', (_request, response) => void response.json(operations.startScrub()));
  app.get('/exit', (_request, response) => void response.json(operations.getExit()));
  app.post('/exit', ({ body }, response) => {
    response.json(operations.startExit(exitBody.parse(body ?? {}).node));
  });
  app.delete('/exit', ({ body }, response) => {
    response.json(operations.cancelExit(exitBody.parse(body ?? {}).node));
  });
  app.post('/backup', async ({ body }, response) => {
    response.json(await operations.backup(backupBody.parse(body).path));
  });
  app.post('/disks/replace', async ({ body }, response) => {
    response.json(await operations.replaceDisk(replacementBody.parse(body)));
  });
  const handleError: ErrorRequestHandler = (error: unknown, _request, response, _next) => {
    const isInvalid = error instanceof CodedError || error instanceof z.ZodError;
    const status = isInvalid ? 400 : (getClientErrorStatus(error) ?? 500);
    const message = error instanceof z.ZodError ? 'invalid command' : getErrorMessage(error);
    response.status(status).json({ status: 'error', message });
  };
  app.use(handleError);
  return app;
}
