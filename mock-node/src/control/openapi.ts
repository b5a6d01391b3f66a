import { ADMIN_PREFIX, OPERATIONS, type Operation } from '@downstream/control-api';
import { z } from 'zod';
import { VERSION } from '../version.ts';
import { createSchemaComponents, type Json, toSchema } from './openapi-schemas.ts';

const ABOUT = `Everything of a mock node that can be looked at and changed while it runs, on a port that no fault ever hits.

Unknown fields and unknown parameters are errors. \`errors\` names each place: a JSON pointer (RFC 6901) into the body, \`/query/…\` for a parameter of
the query, \`/path/…\` for one of the path. A body has at most one MiB. Requests of pages of another origin are refused.`;

/** Why any request may be refused. */
const REFUSALS: Readonly<Record<number, string>> = {
  400: 'Something is wrong in what was sent; `errors` says what, and where.',
  401: 'The token is missing or wrong.',
  403: 'A page of another origin asks.',
  413: 'The body is too large.',
  415: 'The body is no `application/json`.',
};

/** The control API in OpenAPI 3.1, made from the table of operations and from the schemas that the server checks by. */
export function createOpenApi() {
  const paths: Record<string, Record<string, Json>> = {};
  for (const [operationId, operation] of Object.entries<Operation>(OPERATIONS)) {
    const path = ADMIN_PREFIX + operation.path;
    paths[path] = { ...paths[path], [operation.method]: described(operationId, operation) };
  }
  return {
    openapi: '3.1.1',
    info: { title: 'Control API of the mock node', version: VERSION, license: { name: 'MIT' }, description: ABOUT },
    security: [{}, { token: [] }],
    paths,
    components: {
      securitySchemes: {
        token: { type: 'http', scheme: 'bearer', description: 'Where the node was given one: MOCK_CONTROL_TOKEN.' },
      },
      schemas: createSchemaComponents(),
      responses: Object.fromEntries(
        Object.entries(REFUSALS).map(([status, about]) => [`Refusal${status}`, refusal(about)]),
      ),
    },
  };
}

function described(operationId: string, operation: Operation): Json {
  const { path, about, isOpen, params, query, body, example, refusals = {} } = operation;
  const always = [400, ...(isOpen ? [] : [401]), 403, ...(body === undefined ? [] : [413, 415])];
  return {
    operationId,
    summary: about,
    tags: [path.split('/')[1]],
    ...(isOpen && { security: [] }),
    parameters: [...toParameters(params, 'path'), ...toParameters(query, 'query')],
    ...(body !== undefined && {
      requestBody: {
        required: !body.safeParse(undefined).success,
        content: { 'application/json': { schema: toSchema(body, 'input'), example } },
      },
    }),
    responses: {
      [operation.status]: success(operation),
      ...Object.fromEntries(always.map((status) => [status, { $ref: `#/components/responses/Refusal${status}` }])),
      ...Object.fromEntries(Object.entries(refusals).map(([status, reason]) => [status, refusal(reason)])),
    },
  };
}

function success({ gives, contentType }: Operation): Json {
  if (gives === undefined) return { description: 'Done.' };
  return {
    description: 'Done.',
    content: { [contentType ?? 'application/json']: { schema: toSchema(gives, 'output') } },
  };
}

function refusal(description: string): Json {
  return { description, content: { 'application/json': { schema: { $ref: '#/components/schemas/Problem' } } } };
}

function toParameters(schema: z.ZodObject | undefined, where: 'path' | 'query'): Json[] {
  if (schema === undefined) return [];
  const { properties = {}, required = [] } = z.toJSONSchema(schema, { io: 'input' });
  return Object.entries(properties).map(([name, property]) => ({
    name,
    in: where,
    required: required.includes(name),
    schema: property,
  }));
}
