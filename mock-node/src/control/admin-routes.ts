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
import { hasTooManyValues, MAX_VALUES } from '../value-count.ts';
import { requireToken } from './guard.ts';
import { MAX_BODY_BYTES, RequestProblem } from './problems.ts';

interface Context {
  readonly response: Response;
  /** Aborted when the client disconnects. */
  readonly disconnected: AbortSignal;
}

type Handler<Name extends OperationName> = (
  input: OperationInput<Name>,
  context: Context,
) => Result<Name> | Promise<Result<Name>>;

/** The handler of a stream writes to the response itself. */
type Result<Name extends OperationName> = (typeof OPERATIONS)[Name] extends { contentType: string }
  ? undefined
  : OperationResult<Name>;

export type ControlHandlers = { readonly [Name in OperationName]: Handler<Name> };

const nothing = z.strictObject({});

/**
 * The routes of the control API, one for each operation of the table.
 *
 * @param save stores what an operation changed; called before the client gets its response, and before the operation,
 *   so that changes do not accumulate while they cannot be stored. GET changes nothing that must be stored.
 */
export function createAdminRoutes(
  handlers: ControlHandlers,
  { token, save }: { token: string | undefined; save: () => void },
): Router {
  const router = express.Router({ strict: true, caseSensitive: true });
  const readBody = express.text({ type: () => true, limit: MAX_BODY_BYTES, inflate: false });
  const allowed = new Map<string, string[]>();
  for (const [name, operation] of Object.entries<Operation>(OPERATIONS)) {
    const path = operation.path.replace(/\{(\w+)\}/g, ':$1');
    const guards = operation.isPublic ? [] : [requireToken(token)];
    // `ControlHandlers` pairs each handler with its operation, which the compiler cannot follow through a name.
    const handle = handlers[name as OperationName] as (input: unknown, context: Context) => unknown;
    router[operation.method](path, ...guards, readBody, async (request, response) => {
      const input = parseInput(operation, request);
      if (operation.contentType !== undefined && request.method === 'HEAD') {
        // Running the handler would keep the stream open.
        response.type(operation.contentType).end();
        return;
      }
      if (operation.method !== 'get') save();
      const result = await handle(input, { response, disconnected: createDisconnectSignal(response) });
      if (operation.method !== 'get') save();
      if (response.headersSent) return;
      response.status(operation.status);
      if (result === undefined) response.end();
      else response.json(result);
    });
    const method = operation.method.toUpperCase();
    allowed.set(path, [...(allowed.get(path) ?? []), ...(method === 'GET' ? ['GET', 'HEAD'] : [method])]);
  }
  for (const [path, methods] of allowed) router.all(path, rejectMethod(methods));
  return router;
}

/** @throws RequestProblem with all errors */
function parseInput(
  { params, query, body }: Operation,
  request: Request,
): Record<'params' | 'query' | 'body', unknown> {
  const errors: FieldError[] = [];
  const parse = (schema: z.ZodType, value: unknown, at: readonly string[]) => {
    const { data, error } = schema.safeParse(value);
    if (error) errors.push(...toFieldErrors(error.issues, at));
    return data;
  };
  const input = {
    params: parse(params ?? nothing, request.params, ['path']),
    query: parse(query ?? nothing, request.query, ['query']),
    body: parse(body ?? nothing.optional(), parseBody(request), []),
  };
  if (errors.length > 0) throw new RequestProblem(400, INVALID_REQUEST, { errors });
  return input;
}

export const INVALID_REQUEST = 'invalid request';

function parseBody(request: Request): unknown {
  const { body: text } = request;
  if (typeof text !== 'string' || text === '') return undefined;
  if (!request.is('application/json')) throw new RequestProblem(415, 'the content type must be `application/json`');
  const value = parseJson(text);
  if (hasTooManyValues(value)) throw new RequestProblem(413, `the body has more than ${MAX_VALUES} values`);
  return value;
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch (error) {
    throw new RequestProblem(400, `the body is not valid JSON: ${error instanceof Error ? error.message : error}`);
  }
}

function createDisconnectSignal(response: Response): AbortSignal {
  const controller = new AbortController();
  response.once('close', () => controller.abort());
  return controller.signal;
}

function rejectMethod(methods: readonly string[]): RequestHandler {
  const allow = methods.join(', ');
  return () => {
    throw new RequestProblem(405, `the method is not allowed here: use ${allow}`, { headers: { Allow: allow } });
  };
}
