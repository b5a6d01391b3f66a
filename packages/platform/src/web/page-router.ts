import { readdirSync, readFileSync } from 'node:fs';
import { type Request, Router } from 'express';
import { contentSecurityPolicy } from 'helmet';

/** A page may load only what its own service serves. It has no inline script or style and cannot be framed. */
const pagePolicy = contentSecurityPolicy({
  useDefaults: false,
  directives: {
    defaultSrc: ["'none'"],
    scriptSrc: ["'self'"],
    styleSrc: ["'self'"],
    connectSrc: ["'self'"],
    imgSrc: ['data:'],
    baseUri: ["'none'"],
    formAction: ["'none'"],
    frameAncestors: ["'none'"],
  },
});

type Render = (request: Request) => string | Promise<string>;

/**
 * A page at `/`, with the style sheet that all pages share (`base.css`) and its own style sheets and scripts.
 *
 * @param assets the folder of the page's style sheets and scripts, ending in `/`
 * @param render returns the HTML document for each request
 * @param others further pages by path
 */
export function createPageRouter(assets: URL, render: Render, others: Readonly<Record<string, Render>> = {}): Router {
  const router = Router();
  for (const [path, renderPage] of Object.entries({ '/': render, ...others })) {
    router.get(path, pagePolicy, async (request, response) => {
      response.type('html').send(await renderPage(request));
    });
  }
  const own = readdirSync(assets).filter((name) => /\.(css|js)$/.test(name));
  const files = [
    ['base.css', new URL('../../assets/base.css', import.meta.url)],
    ...own.map((name) => [name, new URL(name, assets)] as const),
  ] as const;
  for (const [name, path] of files) {
    const content = readFileSync(path, 'utf8');
    router.get(`/${name}`, (_request, response) => {
      response.type(name).send(content);
    });
  }
  return router;
}
