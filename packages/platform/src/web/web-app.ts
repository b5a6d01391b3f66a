import express, { type Express, type RequestHandler } from 'express';
import helmet from 'helmet';
import type { Scrape } from '../metrics.ts';
import { rejectForeignPages } from './fetch-metadata.ts';

export interface WebAppDeps {
  readonly scrape: () => Promise<Scrape>;
  /** Checks all requests. */
  readonly guards?: readonly RequestHandler[];
  /** Checks requests for metrics. */
  readonly metricsGuards?: readonly RequestHandler[];
}

/**
 * An Express app with security headers (helmet) and `/metrics`. Pages of other sites can only link to it. Nothing is
 * cached, and no response may load or run anything: a page needs its own content security policy.
 */
export function createWebApp({ scrape, guards = [], metricsGuards = [] }: WebAppDeps): Express {
  const app = express();
  app.disable('etag');
  app.use(
    helmet({
      contentSecurityPolicy: { useDefaults: false, directives: { defaultSrc: ["'none'"] } },
      // The services speak plain HTTP. Browsers honour these two headers only over HTTPS.
      crossOriginOpenerPolicy: false,
      strictTransportSecurity: false,
    }),
  );
  app.use((_request, response, next) => {
    response.set('Cache-Control', 'no-store');
    next();
  });
  app.use(rejectForeignPages);
  for (const guard of guards) app.use(guard);
  app.get('/metrics', ...metricsGuards, async (_request, response) => {
    const { contentType, text } = await scrape();
    response.type(contentType).send(text);
  });
  return app;
}
