import { STATUS_CODES } from 'node:http';
import { send } from '../../api/connection.ts';
import { withAllowedBody } from '../../api/response.ts';
import type { Replacement } from './effect.ts';

export const html: Replacement<'html'> = async ({ effect: { status } }, connection) => {
  const title = `${status} ${STATUS_CODES[status] ?? ''}`.trim();
  const page = `<!doctype html>\n<html><head><title>${title}</title></head><body><h1>${title}</h1></body></html>\n`;
  const headers = { 'Content-Type': 'text/html; charset=utf-8' };
  await send(withAllowedBody({ status, headers, body: Buffer.from(page) }), connection);
};
