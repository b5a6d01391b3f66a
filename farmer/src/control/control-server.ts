import { once } from 'node:events';
import { chmodSync, lstatSync, rmSync } from 'node:fs';
import { createServer } from 'node:http';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { CodedError, getErrorMessage, type Logger } from '@downstream/platform';
import { getClientErrorStatus } from '@downstream/platform/web';
import express, { type ErrorRequestHandler, type Express } from 'express';
import { z } from 'zod';
import { ContractIdError, toStatus } from './find-contract.ts';
import { toJsonLines } from './json-lines.ts';
import { MAX_ENTRIES, type Operations, type StatusOperations } from './reports.ts';

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

export interface ControlServerDeps {
  /** @returns undefined while the farmer starts or stops */
  readonly operations: () => Operations | undefined;
  readonly status: StatusOperations;
  readonly log: Logger;
}

/** The farmer cannot perform a command yet, or no longer. */
class UnavailableError extends CodedError<'unavailable'> {}

/**
 * Serves commands on a Unix socket that only its owner may open.
 *
 * @returns undefined if the socket cannot be created: the farmer works without it
 */
export async function openControlServer(
  path: string,
  { log, ...deps }: ControlServerDeps,
): Promise<ControlServer | undefined> {
  if (Buffer.byteLength(path) > MAX_SOCKET_PATH_BYTES) {
    log.warn('control socket unavailable', { path, error: 'the path is too long' });
    return undefined;
  }
  const server = createServer(createControlApp(deps));
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

function createControlApp({ operations, status }: Omit<ControlServerDeps, 'log'>): Express {
  const getOperations = (): Operations => {
    const ready = operations();
    if (ready !== undefined) return ready;
    throw new UnavailableError('unavailable', 'the farmer is starting or stopping: try again in a moment');
  };
  const app = express();
  app.disable('x-powered-by');
  app.use(express.json({ limit: '16kb' }));
  app.get('/status', (_request, response) => void response.json(status.report()));
  app.get('/status/text', (_request, response) => void response.json({ text: status.text() }));
  app.get('/contracts', async (_request, response) => {
    const { rows, ...header } = getOperations().listContracts();
    response.type('application/x-ndjson').write(`${JSON.stringify(header)}\n`);
    await pipeline(Readable.from(toJsonLines(rows)), response);
  });
  app.get('/explain/:contract', ({ params, query }, response) => {
    const report = getOperations().explain(params.contract, explainQuery.parse(query).last);
    if (!(report instanceof ContractIdError)) response.json(report);
    else response.status(toStatus(report)).json({ status: 'error', message: report.message });
  });
  app.get('/scrub', (_request, response) => void response.json(getOperations().getScrub()));
  app.post('/scrub', (_request, response) => void response.json(getOperations().startScrub()));
  app.get('/exit', (_request, response) => void response.json(getOperations().getExit()));
  app.post('/exit', ({ body }, response) => {
    response.json(getOperations().startExit(exitBody.parse(body ?? {}).node));
  });
  app.delete('/exit', ({ body }, response) => {
    response.json(getOperations().cancelExit(exitBody.parse(body ?? {}).node));
  });
  app.post('/backup', async ({ body }, response) => {
    response.json(await getOperations().backup(backupBody.parse(body).path));
  });
  app.post('/disks/replace', async ({ body }, response) => {
    response.json(await getOperations().replaceDisk(replacementBody.parse(body)));
  });
  const handleError: ErrorRequestHandler = (error: unknown, _request, response, _next) => {
    // The client is gone, or recognizes the incomplete response.
    if (response.headersSent) {
      response.destroy();
      return;
    }
    const isInvalid = error instanceof CodedError || error instanceof z.ZodError;
    const status = isInvalid ? 400 : (getClientErrorStatus(error) ?? 500);
    const message = error instanceof z.ZodError ? 'invalid command' : getErrorMessage(error);
    response.status(status).json({ status: 'error', message });
  };
  app.use(handleError);
  return app;
}
