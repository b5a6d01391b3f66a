import { Ajv2020, type ValidateFunction } from 'ajv/dist/2020.js';
import formats from 'ajv-formats';
import { createOpenApi } from '../../src/control/openapi.ts';

/** An operation of the document. */
export interface Operation {
  readonly path: string;
  readonly method: string;
  readonly operationId: string;
  readonly summary: string;
  readonly requestBody?: { readonly content: { readonly 'application/json': { schema: object; example: unknown } } };
  readonly responses: Readonly<Record<string, Described>>;
}

interface Described {
  readonly $ref?: string;
  readonly content?: Readonly<Record<string, { readonly schema: object }>>;
}

interface Document {
  readonly openapi: string;
  readonly paths: Readonly<Record<string, Readonly<Record<string, Omit<Operation, 'path' | 'method'>>>>>;
  readonly components: {
    readonly schemas: Readonly<Record<string, object>>;
    readonly responses: Readonly<Record<string, Described>>;
  };
}

/** The document as a client gets it. */
export const DOCUMENT: Document = JSON.parse(JSON.stringify(createOpenApi()));

export const OPERATIONS: readonly Operation[] = Object.entries(DOCUMENT.paths).flatMap(([path, methods]) =>
  Object.entries(methods).map(([method, described]) => ({ path, method: method.toUpperCase(), ...described })),
);

const ajv = new Ajv2020({ strict: true, allErrors: true, strictTypes: false });
formats.default(ajv);
ajv.addVocabulary(['components']);

const validators = new Map<string, ValidateFunction>();

/** The errors of a value by a schema of the document; null if it is valid. */
export function findSchemaErrors(value: unknown, schema: object): unknown {
  const key = JSON.stringify(schema);
  const validate = validators.get(key) ?? ajv.compile({ ...schema, components: DOCUMENT.components });
  validators.set(key, validate);
  return validate(value) ? null : validate.errors;
}

/** The media type and the schema of a documented response; neither if it has no body. */
export function getDocumentedResponse({ responses }: Operation, status: string): { type?: string; schema?: object } {
  const described = responses[status] ?? {};
  const name = described.$ref?.split('/').at(-1);
  const { content = {} } = name === undefined ? described : (DOCUMENT.components.responses[name] ?? {});
  const [[type, { schema }] = [undefined, {}]] = Object.entries(content);
  return { ...(type !== undefined && { type }), ...(schema !== undefined && { schema }) };
}

export function getExample({ requestBody }: Operation): unknown {
  return requestBody?.content['application/json'].example;
}
