import {
  challengeOpened,
  clockAdvance,
  clockChange,
  clockView,
  config,
  configChange,
  contractView,
  controllerEvent,
  EFFECTS,
  effect,
  fault,
  faultChange,
  faultReport,
  faults,
  health,
  info,
  journalEntry,
  problem,
  requestCount,
  resetRequest,
  scenario,
  scenarioDefinition,
} from '@downstream/control-api';
import { z } from 'zod';

type JsonSchema = z.core.JSONSchema.BaseSchema;
/** A part of the document. */
export type Json = Readonly<Record<string, unknown>>;

/** What is taken, by its name in the document. */
const TAKEN = {
  EffectInput: effect,
  FaultInput: fault,
  FaultsInput: faults,
  FaultChange: faultChange,
  ScenarioInput: scenarioDefinition,
  ConfigChange: configChange,
  ClockChange: clockChange,
  ClockAdvance: clockAdvance,
  ResetRequest: resetRequest,
};

/** What is given. */
const GIVEN = {
  Effect: effect,
  Fault: fault,
  FaultReport: faultReport,
  Scenario: scenario,
  Config: config,
  Clock: clockView,
  Contract: contractView,
  Challenge: challengeOpened,
  Request: journalEntry,
  RequestCount: requestCount,
  Info: info,
  Health: health,
  Event: controllerEvent,
  Problem: problem,
};

/** Which way a schema is looked at: what it takes, or what it gives. */
type Direction = 'input' | 'output';

const NAMES = { input: createRegistry(TAKEN), output: createRegistry(GIVEN) };

/** All schemas that have a name in the document. */
export function createSchemaComponents(): Json {
  return { ...toComponents('input'), ...toComponents('output') };
}

/** A schema by its name, a list of such, or as it is. */
export function toSchema(schema: z.core.$ZodType, io: Direction): Json {
  const id = NAMES[io].get(schema)?.id;
  if (id !== undefined) return { $ref: refTo(id) };
  if (schema instanceof z.ZodOptional) return toSchema(schema.unwrap(), io);
  if (schema instanceof z.ZodArray) return { type: 'array', items: toSchema(schema.element, io) };
  return bare(z.toJSONSchema(schema, { io }));
}

function createRegistry(schemas: Readonly<Record<string, z.ZodType>>) {
  const names = z.registry<{ id: string }>();
  for (const [id, schema] of Object.entries(schemas)) names.add(schema, { id });
  return names;
}

function toComponents(io: Direction): Json {
  const override = ({ zodSchema, jsonSchema }: { zodSchema: z.core.$ZodType; jsonSchema: JsonSchema }) => {
    if (io === 'input' && zodSchema === effect) allowBareKinds(jsonSchema);
  };
  const { schemas } = z.toJSONSchema(NAMES[io], { io, uri: refTo, override });
  return Object.fromEntries(Object.entries(schemas).map(([id, schema]) => [id, bare(schema)]));
}

function refTo(id: string): string {
  return `#/components/schemas/${id}`;
}

/** The document says once for all which dialect it is, and where a schema is. */
function bare({ $schema, $id, ...schema }: JsonSchema): Json {
  return schema;
}

/** An effect that needs no parameters can be its kind alone: a step before the schema makes an object of it. */
function allowBareKinds(schema: JsonSchema): void {
  const object = { ...schema };
  for (const key of Object.keys(schema)) delete schema[key];
  const kinds = Object.entries(EFFECTS).flatMap(([kind, { parameters }]) =>
    parameters.safeParse({}).success ? [kind] : [],
  );
  Object.assign(schema, { anyOf: [{ type: 'string', enum: kinds }, object] });
}
