import { readFileSync } from 'node:fs';
import { PAGE_POLICY } from '@downstream/platform';
import { Router } from 'express';
import { renderDocument } from './document.ts';
import type { LiveUpdates } from './live-updates.ts';
import type { View } from './view.ts';

const asset = (name: string) => readFileSync(new URL(`../../assets/${name}`, import.meta.url), 'utf8');

/** The farmer's own page: `/`, its style and script, and `/events`, which keeps it live. */
export function pageRoutes({ view, live }: { view: () => Promise<View>; live: LiveUpdates }): Router {
  const style = asset('page.css');
  const script = asset('page.js');
  const router = Router();
  router.get('/', async (_request, response) => {
    response
      .set('Content-Security-Policy', PAGE_POLICY)
      .type('html')
      .send(renderDocument(await view()).text);
  });
  router.get('/page.css', (_request, response) => {
    response.type('css').send(style);
  });
  router.get('/page.js', (_request, response) => {
    response.type('js').send(script);
  });
  router.get('/events', (request, response) => {
    // Whoever asks for the head alone gets it, and doesn't listen.
    if (request.method === 'HEAD') {
      response.type('text/event-stream').end();
      return;
    }
    if (live.add(response)) return;
    response.status(503).set('Retry-After', '30').json({ status: 'error', message: 'too many have the page open' });
  });
  return router;
}
