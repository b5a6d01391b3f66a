import * as api from '@downstream/control-api';
import { z } from 'zod';

type JsonSchema = z.core.JSONSchema.BaseSchema;
export type Json = Readonly<Record<string, unknown>>;

const REQUEST_SCHEMAS = {
  EffectInput: api.effect,
  FaultInput: api.fault,
  FaultsInput: api.faults,
  FaultChange: api.faultChange,
  ScenarioInput: api.scenarioDefinition,
  ConfigChange: api.configChange,
  ClockChange: api.clockChange,
  ClockAdvance: api.clockAdvance,
  ResetRequest: api.resetRequest,
};

const RESPONSE_SCHEMAS = {
  Effect: api.effect,
  Fault: api.fault,
  FaultReport: api.faultReport,
  Scenario: api.scenario,
  Config: api.config,
  Clock: api.clockView,
  Contract: api.contractView,
  Challenge: api.challengeOpened,
  Request: api.journalEntry,
  RequestCount: api.requestCount,
  Info: api.info,
  Health: api.health,
  Event: api.controllerEvent,
  Problem: api.problem,
};

/** Whether a schema describes what clients send or what they get. */
type Direction = 'input' | 'output';

const REGISTRIES = { input: createRegistry(REQUEST_SCHEMAS), output: createRegistry(RESPONSE_SCHEMAS) };

export function createSchemaComponents(): Json {
  return { ...toComponents('input'), ...toComponents('output') };
}

/** A reference to a named schema or to a list of it; any other schema in full. */
export function toSchema(schema: z.core.$ZodType, io: Direction): Json {
  const id = REGISTRIES[io].get(schema)?.id;
  if (id !== undefined) return { $ref: toReference(id) };
  if (schema instanceof z.ZodOptional) return toSchema(schema.unwrap(), io);
  if (schema instanceof z.ZodArray) return { type: 'array', items: toSchema(schema.element, io) };
  return omitMeta(z.toJSONSchema(schema, { io }));
}

function createRegistry(schemas: Readonly<Record<string, z.ZodType>>) {
  const registry = z.registry<{ id: string }>();
  for (const [id, schema] of Object.entries(schemas)) registry.add(schema, { id });
  return registry;
}

function toComponents(io: Direction): Json {
  const override = ({ zodSchema, jsonSchema }: { zodSchema: z.core.$ZodType; jsonSchema: JsonSchema }) => {
    if (io === 'input' && zodSchema === api.effect) allowBareKinds(jsonSchema);
  };
  const { schemas } = z.toJSONSchema(REGISTRIES[io], { io, uri: toReference, override });
  return Object.fromEntries(Object.entries(schemas).map(([id, schema]) => [id, omitMeta(schema)]));
}

function toReference(id: string): string {
  return `#/components/schemas/${id}`;
}

/** OpenAPI defines the dialect and the location of schemas itself. */
function omitMeta({ $schema, $id, ...schema }: JsonSchema): Json {
  return schema;
}

/** Allows the kind alone for effects without required parameters. A preprocessing step of `api.effect` accepts it. */
function allowBareKinds(schema: JsonSchema): void {
  const object = { ...schema };
  for (const key of Object.keys(schema)) delete schema[key];
  const kinds = Object.entries(api.EFFECTS).flatMap(([kind, { parameters }]) =>
    parameters.safeParse({}).success ? [kind] : [],
  );
  Object.assign(schema, { anyOf: [{ type: 'string', enum: kinds }, object] });
}
