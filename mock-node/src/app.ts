import { randomBytes } from 'node:crypto';
import { type Logger, listen, messageOf, silentLogger } from '@downstream/platform';
import { PROTOTYPE_PREFIX } from '@downstream/protocol';
import express, { type ErrorRequestHandler, type Express, type Request, type Response } from 'express';
import { fileGenesis, standardGenesis } from './chunks/genesis.ts';
import { Minter } from './chunks/minter.ts';
import { type MockConfig, readConfig } from './config.ts';
import { Draws } from './ledger/draws.ts';
import { Ledger } from './ledger/ledger.ts';
import { MockMetrics } from './metrics.ts';
import { checkFolder, OwnershipFiles } from './ownership/files.ts';
import { ownershipRoutes } from './routes/ownership.ts';
import { prototypeRoutes } from './routes/prototype.ts';
import { VERSION } from './version.ts';

/** A mock node that listens. */
export interface MockNode {
  readonly url: string;
  readonly port: number;
  close(): Promise<void>;
}

interface MockNodeParts {
  readonly now: () => number;
  readonly log: Logger;
}

/**
 * Starts a mock node in this process.
 *
 * @param options what differs from the defaults; `port: 0` takes any free port
 * @param parts `now`: the node's clock, in milliseconds; `log`: nowhere without
 * @throws ListenError, GenesisError, SettingsError
 */
export async function startMockNode(
  options: Partial<MockConfig> = {},
  { now = Date.now, log = silentLogger }: Partial<MockNodeParts> = {},
): Promise<MockNode> {
  const config = { ...readConfig({ env: {} }), ...options };
  if (config.files !== undefined) await checkFolder(config.files);
  return await listen(mockApp(config, { now, log }), { host: config.host, port: config.port, setting: 'MOCK_PORT' });
}

function mockApp(config: MockConfig, { now, log }: MockNodeParts): Express {
  const { genesisPath, genesisSha256 } = config;
  const genesis =
    genesisPath !== undefined && genesisSha256 !== undefined
      ? fileGenesis(genesisPath, genesisSha256)
      : standardGenesis;
  const draws = new Draws(config.seed);
  const ledger: Ledger = new Ledger(config, { draws, onResult: (result, count) => metrics.settled(result, count) });
  const metrics = new MockMetrics(
    { version: VERSION },
    { running: () => ledger.running, farmers: () => ledger.farmers },
  );

  const app = express();
  app.disable('x-powered-by');
  app.disable('etag');
  app.use((request, response, next) => {
    const start = performance.now();
    response.set('X-Request-Id', requestIdOf(request));
    response.once('finish', () => {
      const seconds = (performance.now() - start) / 1000;
      metrics.request(routeOf(request), response.statusCode, seconds);
      log.debug('request served', {
        ...factsOf(request, response),
        code: response.statusCode,
        seconds: Number(seconds.toFixed(4)),
      });
    });
    next();
  });
  app.get('/', (_request, response) => {
    response.json({ msg: 'ok' });
  });
  app.get('/healthz', (_request, response) => {
    response.json({ status: 'ok' });
  });
  app.get('/metrics', async (_request, response) => {
    ledger.catchUp(now());
    const { contentType, text } = await metrics.scrape();
    response.type(contentType).send(text);
  });
  app.use(PROTOTYPE_PREFIX, prototypeRoutes(config, { ledger, minter: new Minter(genesis), now }));
  app.use(PROTOTYPE_PREFIX, ownershipRoutes(new OwnershipFiles(config.files, draws)));
  app.use((_request, response) => {
    response.status(404).json({ status: 'error', message: 'No such route.' });
  });
  const failed: ErrorRequestHandler = (error: Error & { status?: number }, request, response, _next) => {
    if (response.headersSent) {
      // A download that its farmer broke off, mostly: express would print a stack.
      response.destroy();
      return;
    }
    const status = error.status ?? 500;
    if (status >= 500) log.error('request failed', { ...factsOf(request, response), error });
    response.status(status).json({ status: 'error', message: status < 500 ? messageOf(error) : 'internal error' });
  };
  app.use(failed);
  return app;
}

/** The caller's id for the request where it is one, else a new one: both sides' logs call the request by it. */
function requestIdOf(request: Request): string {
  const given = request.get('X-Request-Id') ?? '';
  return /^[\w-]{1,64}$/.test(given) ? given : randomBytes(6).toString('hex');
}

/** The pattern, not the path: paths hold tokens, and would be label values without end. */
function routeOf(request: Request): string {
  const pattern: unknown = request.route?.path;
  return typeof pattern === 'string' ? pattern : 'unknown';
}

function factsOf(request: Request, response: Response): { request: string; method: string; route: string } {
  return { request: String(response.get('X-Request-Id')), method: request.method, route: routeOf(request) };
}
