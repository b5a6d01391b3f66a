import type { ApiResponse } from './response.ts';

/** An error page of the original v1 node's web framework. */
export type HtmlError = ApiResponse & { readonly body: Buffer };

export const NOT_FOUND = createPage(
  404,
  'Not Found',
  'The requested URL was not found on the server. ' +
    'If you entered the URL manually please check your spelling and try again.',
);

export const METHOD_NOT_ALLOWED = createPage(
  405,
  'Method Not Allowed',
  'The method is not allowed for the requested URL.',
);

function createPage(status: number, title: string, text: string): HtmlError {
  const heading = `<title>${status} ${title}</title>\n<h1>${title}</h1>`;
  return {
    status,
    headers: { 'Content-Type': 'text/html; charset=utf-8' },
    body: Buffer.from(`<!doctype html>\n<html lang=en>\n${heading}\n<p>${text}</p>\n`),
  };
}
