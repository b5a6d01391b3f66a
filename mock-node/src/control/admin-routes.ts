import {
  type FieldError,
  OPERATIONS,
  type Operation,
  type OperationInput,
  type OperationName,
  type OperationResult,
  toFieldErrors,
} from '@downstream/control-api';
import express, { type Request, type RequestHandler, type Response, type Router } from 'express';
import { z } from 'zod';
import { requireToken } from './guard.ts';
import { BODY_BYTES, RequestProblem } from './problems.ts';

/** What a handler can have beside what it was asked. */
interface Context {
  readonly response: Response;
  /** Aborted when the client has gone. */
  readonly gone: AbortSignal;
}

type Handler<Name extends OperationName> = (
  asked: OperationInput<Name>,
  context: Context,
) => Result<Name> | Promise<Result<Name>>;

/** A stream is written by its handler. */
type Result<Name extends OperationName> = (typeof OPERATIONS)[Name] extends { contentType: string }
  ? undefined
  : OperationResult<Name>;

/** What does each operation. */
export type Handlers = { readonly [Name in OperationName]: Handler<Name> };

/**
 * The routes of the control API: one for each operation of the table, which says what is checked.
 *
 * @param save has what an operation changed written down, before anybody is told of it
 */
export function createAdminRoutes(
  handlers: Handlers,
  { token, save }: { token: string | undefined; save: () => void },
): Router {
  const router = express.Router({ strict: true, caseSensitive: true });
  const readBody = express.text({ type: () => true, limit: BODY_BYTES, inflate: false });
  const allowed = new Map<string, string[]>();
  for (const [name, operation] of Object.entries<Operation>(OPERATIONS)) {
    const path = operation.path.replace(/\{(\w+)\}/g, ':$1');
    const guards = operation.isOpen ? [] : [requireToken(token)];
    // That each handler gets what its own operation says is what `Handlers` is for: by name, the compiler knows only all of them.
    const handle = handlers[name as OperationName] as (asked: unknown, context: Context) => unknown;
    router[operation.method](path, ...guards, readBody, async (request, response) => {
      const asked = parseInput(operation, request);
      if (operation.contentType !== undefined && request.method === 'HEAD') {
        // A stream has no end that could be waited for.
        response.type(operation.contentType).end();
        return;
      }
      const given = await handle(asked, { response, gone: createDisconnectSignal(response) });
      save();
      if (response.headersSent) return;
      response.status(operation.status);
      if (given === undefined) response.end();
      else response.json(given);
    });
    const method = operation.method.toUpperCase();
    allowed.set(path, [...(allowed.get(path) ?? []), ...(method === 'GET' ? ['GET', 'HEAD'] : [method])]);
  }
  for (const [path, methods] of allowed) router.all(path, rejectMethod(methods));
  return router;
}

const nothing = z.strictObject({});

/** What was asked, checked. @throws RequestProblem that names every place where something is wrong */
function parseInput(
  { params, query, body }: Operation,
  request: Request,
): Record<'params' | 'query' | 'body', unknown> {
  const checks = {
    params: { schema: params ?? nothing, given: request.params, at: ['path'] },
    query: { schema: query ?? nothing, given: request.query, at: ['query'] },
    body: { schema: body ?? nothing.optional(), given: bodyOf(request), at: [] },
  };
  const errors: FieldError[] = [];
  const check = ({ schema, given, at }: (typeof checks)[keyof typeof checks]) => {
    const parsed = schema.safeParse(given);
    if (!parsed.success) errors.push(...toFieldErrors(parsed.error.issues, at));
    return parsed.data;
  };
  const asked = { params: check(checks.params), query: check(checks.query), body: check(checks.body) };
  if (errors.length > 0) throw new RequestProblem(400, 'the request is not what this takes', { errors });
  return asked;
}

function bodyOf(request: Request): unknown {
  const { body: text } = request;
  if (typeof text !== 'string' || text === '') return undefined;
  if (!request.is('application/json')) throw new RequestProblem(415, 'a body is `application/json`');
  try {
    return JSON.parse(text);
  } catch (error) {
    throw new RequestProblem(400, `the body is not JSON: ${error instanceof Error ? error.message : error}`);
  }
}

function createDisconnectSignal(response: Response): AbortSignal {
  const gone = new AbortController();
  response.once('close', () => gone.abort());
  return gone.signal;
}

function rejectMethod(methods: readonly string[]): RequestHandler {
  const allow = methods.join(', ');
  return () => {
    throw new RequestProblem(405, `this takes ${allow}`, { headers: { Allow: allow } });
  };
}
