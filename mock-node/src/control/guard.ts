import { createHash, timingSafeEqual } from 'node:crypto';
import { isIP } from 'node:net';
import type { RequestHandler } from 'express';
import { RequestProblem } from './problems.ts';

/** Names that nobody can have in the public DNS, beside those without a dot. */
const PRIVATE_NAME = /(^|\.)(localhost|local|internal|test|home\.arpa)$/;

/**
 * Lets no page of another origin in. Browsers say whose page asks in `Origin`, always where something is to be changed.
 * A page can have its own name lead here (DNS rebinding), and then `Origin` and `Host` agree: so without a token, which no
 * browser sends by itself, the name must be one that a stranger can not have. Who sends no `Origin` is no browser's page.
 */
export function rejectCrossOrigin(token: string | undefined): RequestHandler {
  return (request, _response, next) => {
    const origin = request.get('Origin');
    if (origin !== undefined) {
      const { host, hostname } = URL.parse(origin) ?? {};
      if (host === undefined || host === '' || host !== ownHost(request.get('Host')))
        throw new RequestProblem(403, 'a page of another origin has no business here');
      if (token === undefined && !isOwnName(hostname ?? ''))
        throw new RequestProblem(
          403,
          `${hostname} could be anybody’s name: set MOCK_CONTROL_TOKEN, or come by address`,
        );
    }
    next();
  };
}

/** As a URL has it: without the default port. */
function ownHost(host = ''): string | undefined {
  return URL.parse(`http://${host}`)?.host;
}

function isOwnName(name: string): boolean {
  return isIP(name.replace(/^\[|\]$/g, '')) !== 0 || !name.includes('.') || PRIVATE_NAME.test(name);
}

/** Lets in whoever brings the token, if there is one. */
export function requireToken(token: string | undefined): RequestHandler {
  const wanted = token === undefined ? undefined : digest(token);
  return (request, _response, next) => {
    const [, given = ''] = /^Bearer +(\S+)$/i.exec(request.get('Authorization') ?? '') ?? [];
    // Digests have one length, and are compared in one time: nothing is told of how much was right.
    if (wanted !== undefined && !timingSafeEqual(digest(given), wanted))
      throw new RequestProblem(401, 'this needs the token, as `Authorization: Bearer …`', {
        headers: { 'WWW-Authenticate': 'Bearer' },
      });
    next();
  };
}

function digest(text: string): Buffer {
  return createHash('sha256').update(text).digest();
}
