import { isIP } from 'node:net';
import { hostname } from 'node:os';
import type { RequestHandler } from 'express';

export interface HostGuardOptions {
  /** Further host names: `farmer.example.org`, `.example.org` for all names below it, or `*` for any. */
  readonly allowed: readonly string[];
  /** The setting of the names, for the error message. */
  readonly setting: string;
  /** Health checks, which reveal nothing and must not fail because of a name. */
  readonly publicPaths: readonly string[];
}

/** An IPv6 address in brackets or a name, with an optional port. */
const HOST = /^(?:\[([\da-f:.]+)\]|([\w.-]+?)\.?)(?::\d{1,5})?$/i;

/**
 * Rejects requests whose `Host` is not this service. With DNS rebinding, a web page makes its own host name resolve to
 * the address of this service, and may then read all responses. Such a page needs a name that its author controls: IP
 * addresses, `localhost` and the name of this machine are always allowed.
 */
export function createHostGuard({ allowed, setting, publicPaths }: HostGuardOptions): RequestHandler {
  const own = hostname().toLowerCase();
  const isAllowed = (name: string) =>
    isIP(name) !== 0 ||
    name === own ||
    matches(name, 'localhost') ||
    matches(name, '.localhost') ||
    allowed.some((pattern) => matches(name, pattern));
  return (request, response, next) => {
    const [, address, name = address] = HOST.exec(request.headers.host ?? '') ?? [];
    if (publicPaths.includes(request.path) || (name !== undefined && isAllowed(name.toLowerCase()))) {
      next();
      return;
    }
    const message =
      name === undefined
        ? 'the Host header is missing or invalid'
        : `the host name ${name.slice(0, 253)} is not allowed: add it to ${setting}, or use the IP address`;
    response.status(403).json({ status: 'error', message });
  };
}

function matches(name: string, pattern: string): boolean {
  return pattern === '*' || (pattern.startsWith('.') ? name.endsWith(pattern) : name === pattern);
}
