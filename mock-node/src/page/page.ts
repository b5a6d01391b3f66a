import { readFileSync } from 'node:fs';
import { createPageRouter } from '@downstream/platform/web';
import type { Router } from 'express';

/**
 * The page at the control port's `/`. It contains no data: its script calls the control API like any other client, so
 * that the token also protects what the page shows.
 */
export function createPageRoutes(): Router {
  const assets = new URL('../../assets/', import.meta.url);
  const document = readFileSync(new URL('index.html', assets), 'utf8');
  return createPageRouter(assets, () => document);
}
