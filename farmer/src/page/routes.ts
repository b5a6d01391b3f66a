import { createPageRouter } from '@downstream/platform/web';
import type { Router } from 'express';
import { type ContractList, renderContractList } from './contract-list.ts';
import { renderDocument } from './document.ts';
import type { LiveUpdates } from './live-updates.ts';
import type { View } from './view.ts';

export interface PageDeps {
  readonly view: () => Promise<View>;
  readonly contracts: (page: number) => ContractList;
  readonly live: LiveUpdates;
}

/** Serves the status page at `/`, all contracts at `/contracts`, assets, and the live updates at `/events`. */
export function createPageRoutes({ view, contracts, live }: PageDeps): Router {
  const assets = new URL('../../assets/', import.meta.url);
  const router = createPageRouter(assets, async () => renderDocument(await view()).text, {
    '/contracts': ({ query: { page } }) => renderContractList(contracts(parsePage(page))).text,
  });
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

function parsePage(text: unknown): number {
  return typeof text === 'string' && /^\d{1,9}$/.test(text) ? Number(text) : 1;
}
