import { createHash, timingSafeEqual } from 'node:crypto';
import { isIP } from 'node:net';
import type { RequestHandler } from 'express';
import { RequestProblem } from './problems.ts';

/** Names that cannot be registered in the public DNS. Names without a dot cannot either. */
const PRIVATE_NAME = /(^|\.)(localhost|local|internal|test|home\.arpa)$/;

/**
 * Rejects requests from web pages of another origin. With DNS rebinding, a foreign page can make `Origin` equal `Host`.
 * Without a token, which a browser never sends by itself, the host must therefore be an address or a private name.
 * A request without `Origin` does not come from a page that could change anything.
 */
export function rejectCrossOrigin(token: string | undefined): RequestHandler {
  return (request, _response, next) => {
    const origin = request.get('Origin');
    if (origin !== undefined) {
      const { host, hostname } = URL.parse(origin) ?? {};
      if (host === undefined || host === '' || host !== normalizeHost(request.get('Host')))
        throw new RequestProblem(403, 'requests from pages of another origin are rejected');
      if (token === undefined && !isPrivateHost(hostname ?? ''))
        throw new RequestProblem(
          403,
          `${hostname} is a public host name: set MOCK_CONTROL_TOKEN, or use the IP address in the URL`,
        );
    }
    next();
  };
}

/** The host without the default port, as in a URL. */
function normalizeHost(host = ''): string | undefined {
  return URL.parse(`http://${host}`)?.host;
}

function isPrivateHost(name: string): boolean {
  return isIP(name.replace(/^\[|\]$/g, '')) !== 0 || !name.includes('.') || PRIVATE_NAME.test(name);
}

/** Rejects requests without the token, if there is one. */
export function requireToken(token: string | undefined): RequestHandler {
  const expected = token === undefined ? undefined : digest(token);
  return (request, _response, next) => {
    const [, sent = ''] = /^Bearer +(\S+)$/i.exec(request.get('Authorization') ?? '') ?? [];
    // Digests have equal lengths, so the time of the comparison reveals nothing about the token.
    if (expected !== undefined && !timingSafeEqual(digest(sent), expected))
      throw new RequestProblem(401, 'missing or wrong token: send `Authorization: Bearer …`', {
        headers: { 'WWW-Authenticate': 'Bearer' },
      });
    next();
  };
}

function digest(text: string): Buffer {
  return createHash('sha256').update(text).digest();
}
