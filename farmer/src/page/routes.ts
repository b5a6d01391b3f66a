import { createPageRouter } from '@downstream/platform/web';
import type { Router } from 'express';
import { renderDocument } from './document.ts';
import type { LiveUpdates } from './live-updates.ts';
import type { View } from './view.ts';

/** Serves the status page at `/`, its assets, and its live updates at `/events`. */
export function createPageRoutes({ view, live }: { view: () => Promise<View>; live: LiveUpdates }): Router {
  const assets = new URL('../../assets/', import.meta.url);
  const router = createPageRouter(assets, async () => renderDocument(await view()).text);
  router.get('/events', (request, response) => {
    // A HEAD request must not open an event stream.
    if (request.method === 'HEAD') {
      response.type('text/event-stream').end();
      return;
    }
    if (live.add(response)) return;
    response
      .status(503)
      .set('Retry-After', '30')
      .json({ status: 'error', message: 'too many clients have this page open' });
  });
  return router;
}
