import { readFileSync } from 'node:fs';
import { Router } from 'express';

/** Nothing but what the node itself serves, nothing inline, in nobody's frame. */
const POLICY = [
  "default-src 'none'",
  "script-src 'self'",
  "style-src 'self'",
  "connect-src 'self'",
  'img-src data:',
  "base-uri 'none'",
  "form-action 'none'",
  "frame-ancestors 'none'",
].join('; ');

const FILES = { '/': 'index.html', '/page.css': 'page.css', '/page.js': 'page.js' } as const;

/**
 * The page at the control port's `/`. It holds no data: its script asks the control API, as anybody could, so that the
 * token guards what it shows, and it can do nothing that the API can't.
 */
export function pageRoutes(): Router {
  const router = Router();
  for (const [path, name] of Object.entries(FILES)) {
    const content = readFileSync(new URL(`../../assets/${name}`, import.meta.url), 'utf8');
    router.get(path, (_request, response) => {
      response.set('Content-Security-Policy', POLICY).type(name).send(content);
    });
  }
  return router;
}
