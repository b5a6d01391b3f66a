import type { Logger } from '@downstream/platform';
import express, { type Express } from 'express';
import type { Lab } from '../lab.ts';
import type { MockMetrics } from '../metrics.ts';

export interface ControlParts {
  readonly lab: Lab;
  readonly metrics: MockMetrics;
  readonly log: Logger;
}

/** The control API under `/__admin`, and the page, on a port of their own that no fault ever hits. */
export function controlApp({ token }: { token: string | undefined }, { lab, metrics }: ControlParts): Express {
  const app = express();
  app.disable('x-powered-by');
  app.disable('etag');
  app.get('/__admin/health/live', (_request, response) => {
    response.json({ status: 'ok' });
  });
  app.get('/metrics', async (_request, response) => {
    const { contentType, text } = await metrics.scrape();
    response.type(contentType).send(text);
  });
  app.get('/__admin/info', (request, response) => {
    if (token !== undefined && request.get('Authorization') !== `Bearer ${token}`) {
      response.status(401).json({ status: 'error', message: 'a token is needed' });
      return;
    }
    response.json(lab.info());
  });
  return app;
}
