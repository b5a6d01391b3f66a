import { STATUS_CODES } from 'node:http';
import type { Replacement } from './effect.ts';

export const html: Replacement<'html'> = ({ effect: { status } }) => {
  const title = `${status} ${STATUS_CODES[status] ?? ''}`.trim();
  const page = `<!doctype html>\n<html><head><title>${title}</title></head><body><h1>${title}</h1></body></html>\n`;
  return { status, headers: { 'Content-Type': 'text/html; charset=utf-8' }, body: Buffer.from(page) };
};
