import { readFileSync } from 'node:fs';
import { PAGE_POLICY } from '@downstream/platform';
import { Router } from 'express';

const FILES = { '/': 'index.html', '/page.css': 'page.css', '/page.js': 'page.js' } as const;

/**
 * The page at the control port's `/`. It holds no data: its script asks the control API, as anybody could, so that the
 * token guards what it shows, and it can do nothing that the API can't.
 */
export function createPageRoutes(): Router {
  const router = Router();
  for (const [path, name] of Object.entries(FILES)) {
    const content = readFileSync(new URL(`../../assets/${name}`, import.meta.url), 'utf8');
    router.get(path, (_request, response) => {
      response.set('Content-Security-Policy', PAGE_POLICY).type(name).send(content);
    });
  }
  return router;
}
