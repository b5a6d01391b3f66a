import { createPageRouter } from '@downstream/platform/web';
import type { Router } from 'express';
import { renderDocument } from './document.ts';
import type { LiveUpdates } from './live-updates.ts';
import type { View } from './view.ts';

/** The farmer's own page: `/`, its style and script, and `/events`, which keeps it live. */
export function pageRoutes({ view, live }: { view: () => Promise<View>; live: LiveUpdates }): Router {
  const assets = new URL('../../assets/', import.meta.url);
  const router = createPageRouter(assets, async () => renderDocument(await view()).text);
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
