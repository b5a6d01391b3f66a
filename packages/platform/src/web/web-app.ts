import express, { type Express } from 'express';
import helmet from 'helmet';
import type { Scrape } from '../metrics.ts';

/**
 * An Express app with security headers (helmet) and `/metrics`. Nothing is cached, and no response may load or run
 * anything: a page needs its own content security policy.
 */
export function createWebApp({ scrape }: { scrape: () => Promise<Scrape> }): Express {
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
  app.get('/metrics', async (_request, response) => {
    const { contentType, text } = await scrape();
    response.type(contentType).send(text);
  });
  return app;
}
