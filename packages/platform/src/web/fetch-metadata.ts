import type { RequestHandler } from 'express';

/**
 * Rejects what pages of other sites embed or fetch, which browsers mark in `Sec-Fetch-Site`. A page could otherwise use
 * up the limited event streams and connections, even though it cannot read the responses. Links to a page stay allowed.
 * Browsers send the header only over HTTPS and to loopback, so this does not protect other addresses over plain HTTP.
 */
export const rejectForeignPages: RequestHandler = (request, response, next) => {
  const site = request.get('Sec-Fetch-Site') ?? 'none';
  const isLink = request.get('Sec-Fetch-Mode') === 'navigate' && request.get('Sec-Fetch-Dest') === 'document';
  if (['none', 'same-origin'].includes(site) || (isLink && request.method === 'GET')) next();
  else response.status(403).json({ status: 'error', message: 'requests from pages of another origin are rejected' });
};
