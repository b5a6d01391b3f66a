import { ADMIN_PREFIX, OPERATIONS, type Operation } from '@downstream/control-api';
import { z } from 'zod';
import { BUILD } from '../build.ts';
import { createSchemaComponents, type Json, toSchema } from './openapi-schemas.ts';

const DESCRIPTION = `Inspects and changes a running mock node. It has its own port, which faults do not affect.

Unknown fields and parameters are errors. \`errors\` lists the first 20, each with a JSON pointer (RFC 6901) into the body; \`/query/…\` is a parameter of
the query, \`/path/…\` one of the path. A body can have up to 1 MiB and 10 000 values. Requests from web pages of another origin are rejected.`;

/** The errors that every operation can have. */
const COMMON_ERRORS: Readonly<Record<number, string>> = {
  400: 'The request is invalid. `errors` lists the fields.',
  401: 'The token is missing or wrong.',
  403: 'The request comes from a web page of another origin.',
  413: 'The body is too large, or has too many values.',
  415: 'The content type is not `application/json`.',
};

/** The control API in OpenAPI 3.1, generated from the schemas that the server uses. */
export function createOpenApi() {
  const paths: Record<string, Record<string, Json>> = {};
  for (const [operationId, operation] of Object.entries<Operation>(OPERATIONS)) {
    const path = ADMIN_PREFIX + operation.path;
    paths[path] = { ...paths[path], [operation.method]: describeOperation(operationId, operation) };
  }
  return {
    openapi: '3.1.1',
    info: {
      title: 'Control API of the mock node',
      version: BUILD.version,
      license: { name: 'MIT' },
      description: DESCRIPTION,
    },
    security: [{}, { token: [] }],
    paths,
    components: {
      securitySchemes: {
        token: { type: 'http', scheme: 'bearer', description: 'Required if the node has a MOCK_CONTROL_TOKEN.' },
      },
      schemas: createSchemaComponents(),
      responses: Object.fromEntries(
        Object.entries(COMMON_ERRORS).map(([status, reason]) => [`Error${status}`, describeError(reason)]),
      ),
    },
  };
}

function describeOperation(operationId: string, operation: Operation): Json {
  const { path, summary, isPublic, params, query, body, example, errors = {} } = operation;
  const common = [400, ...(isPublic ? [] : [401]), 403, ...(body === undefined ? [] : [413, 415])];
  return {
    operationId,
    summary,
    tags: [path.split('/')[1]],
    ...(isPublic && { security: [] }),
    parameters: [...toParameters(params, 'path'), ...toParameters(query, 'query')],
    ...(body !== undefined && {
      requestBody: {
        required: !body.safeParse(undefined).success,
        content: { 'application/json': { schema: toSchema(body, 'input'), example } },
      },
    }),
    responses: {
      [operation.status]: describeSuccess(operation),
      ...Object.fromEntries(common.map((status) => [status, { $ref: `#/components/responses/Error${status}` }])),
      ...Object.fromEntries(Object.entries(errors).map(([status, reason]) => [status, describeError(reason)])),
    },
  };
}

function describeSuccess({ response, contentType }: Operation): Json {
  const description = 'Success.';
  if (response === undefined) return { description };
  return { description, content: { [contentType ?? 'application/json']: { schema: toSchema(response, 'output') } } };
}

function describeError(description: string): Json {
  return { description, content: { 'application/json': { schema: { $ref: '#/components/schemas/Problem' } } } };
}

function toParameters(schema: z.ZodObject | undefined, location: 'path' | 'query'): Json[] {
  if (schema === undefined) return [];
  const { properties = {}, required = [] } = z.toJSONSchema(schema, { io: 'input' });
  return Object.entries(properties).map(([name, property]) => ({
    name,
    in: location,
    required: required.includes(name),
    schema: property,
  }));
}
