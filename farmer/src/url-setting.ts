import { rejectWithHint } from '@downstream/platform';
import type { z } from 'zod';

/** Parses an http or https URL without user, query and fragment. @returns it without a slash at its end */
export function parseOrigin(text: string, context: z.RefinementCtx): string {
  const url = URL.parse(text);
  const mistake = findSchemeMistake(text) ?? (url === null ? 'not a valid URL' : findExtraPart(url));
  if (url === null || mistake !== undefined) return rejectWithHint(context, mistake ?? '');
  return url.origin + url.pathname.replace(/\/+$/, '');
}

/** Parses the URL of a proxy, optionally with a user. @returns undefined for an empty text */
export function parseProxy(text: string, context: z.RefinementCtx): string | undefined {
  if (text === '') return undefined;
  const url = URL.parse(text);
  const mistake = findSchemeMistake(text) ?? (url === null ? 'not a valid URL' : findPath(url));
  if (url === null || mistake !== undefined) return rejectWithHint(context, mistake ?? '');
  return url.href;
}

/** `localhost`, `node.example/path`, `node:5000`, `[::1]:5000` */
const URL_WITHOUT_SCHEME = /^(localhost|[\w-]+(\.[\w-]+)+|\[[\da-f:.]+\]|[\w-]+(?=:\d))(:\d{1,5})?(\/[^@?#\s]*)?$/i;

/** @returns a hint, which reveals no credentials */
function findSchemeMistake(text: string): string | undefined {
  if (/^["']|["']$/.test(text)) return 'remove the quotes';
  if (/\s/.test(text.trim())) return 'separate several with commas';
  const rest = text.replace(/^https?:?\/*/i, '');
  if (/^https?:\/\//i.test(text)) return undefined;
  if (URL_WITHOUT_SCHEME.test(rest)) return `did you mean http://${rest}?`;
  return 'start it with http:// or https://';
}

function findExtraPart(url: URL): string | undefined {
  if (url.username || url.password) return 'remove the user and the password';
  if (url.search) return 'remove the query';
  return url.hash ? 'remove the fragment' : undefined;
}

function findPath(url: URL): string | undefined {
  return url.pathname !== '/' || url.search || url.hash ? 'remove what follows the port' : undefined;
}
