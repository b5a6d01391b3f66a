import { createHash, timingSafeEqual } from 'node:crypto';
import { ADMIN_PREFIX, OPERATIONS, type Operation } from '@downstream/control-api';
import { createHostGuard } from '@downstream/platform/web';
import type { RequestHandler } from 'express';
import { RequestProblem } from './problems.ts';

/** Rejects requests from web pages of another origin. */
export const rejectCrossOrigin: RequestHandler = (request, _response, next) => {
  const origin = request.get('Origin');
  if (origin !== undefined) {
    const { host } = URL.parse(origin) ?? {};
    if (host === undefined || host === '' || host !== normalizeHost(request.get('Host')))
      throw new RequestProblem(403, 'requests from pages of another origin are rejected');
  }
  next();
};

/** Who may use the control API and read the metrics. */
export interface Access {
  /** Without a token, everyone who reaches the port under an allowed host name. */
  readonly token: string | undefined;
  readonly allowedHosts: readonly string[];
}

const HEALTH_PATHS = Object.values<Operation>(OPERATIONS)
  .filter(({ isPublic }) => isPublic)
  .map(({ path }) => ADMIN_PREFIX + path);

/** Rejects requests under other host names. With a token, any name is allowed: a web page cannot send the token. */
export function checkHost({ token, allowedHosts }: Access): RequestHandler {
  if (token !== undefined) return (_request, _response, next) => next();
  return createHostGuard({ allowed: allowedHosts, setting: 'MOCK_ALLOWED_HOSTS', publicPaths: HEALTH_PATHS });
}

/** The host without the default port, as in a URL. */
function normalizeHost(host = ''): string | undefined {
  return URL.parse(`http://${host}`)?.host;
}

/** Rejects requests without the token, if there is one. */
export function requireToken(token: string | undefined): RequestHandler {
  const expected = token === undefined ? undefined : digest(token);
  return (request, response, next) => {
    const [, sent = ''] = /^Bearer +(\S+)$/i.exec(request.get('Authorization') ?? '') ?? [];
    // Digests have equal lengths, so the time of the comparison reveals nothing about the token.
    if (expected !== undefined && !timingSafeEqual(digest(sent), expected)) {
      response.set('WWW-Authenticate', 'Bearer');
      throw new RequestProblem(401, 'missing or wrong token: send `Authorization: Bearer …`');
    }
    next();
  };
}

function digest(text: string): Buffer {
  return createHash('sha256').update(text).digest();
}
