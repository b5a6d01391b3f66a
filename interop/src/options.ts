import { parseArgs } from 'node:util';

export interface NodeOption {
  readonly name: string;
  readonly url: string;
  readonly command: string;
}

export interface FarmerOption {
  readonly name: string;
  readonly command: string;
  /** Minutes after the start of the run, in ascending order. */
  readonly killAtMinutes: readonly number[];
}

export interface Options {
  readonly nodes: readonly NodeOption[];
  readonly farmers: readonly FarmerOption[];
  /** Undefined: until all farmers have exited. */
  readonly minutes: number | undefined;
  /** Undefined: a temporary folder. */
  readonly folder: string | undefined;
}

export class UsageError extends Error {}

const NAME = /^[a-z][a-z0-9-]*$/;

/** @throws UsageError */
export function parseOptions(args: readonly string[]): Options {
  const { values } = parse(args);
  const kills = new Map((values.kill ?? []).map(parseKill));
  const nodes = (values.node ?? []).map(parseNode);
  const farmers = (values.farmer ?? []).map((text) => {
    const { name, value } = splitName('--farmer', text);
    return { name, command: value, killAtMinutes: kills.get(name) ?? [] };
  });
  const minutes = values.minutes === undefined ? undefined : toMinutes('--minutes', values.minutes);
  const names = [...nodes, ...farmers].map(({ name }) => name);
  if (nodes.length === 0 || farmers.length === 0) throw new UsageError('--node and --farmer are required');
  if (new Set(names).size < names.length) throw new UsageError(`names must be unique (got ${names.join(', ')})`);
  for (const name of kills.keys()) {
    if (!farmers.some((farmer) => farmer.name === name)) throw new UsageError(`--kill: there is no farmer ${name}`);
  }
  return { nodes, farmers, minutes, folder: values.folder };
}

function parse(args: readonly string[]) {
  try {
    return parseArgs({
      args: [...args],
      options: {
        node: { type: 'string', multiple: true },
        farmer: { type: 'string', multiple: true },
        kill: { type: 'string', multiple: true },
        minutes: { type: 'string' },
        folder: { type: 'string' },
      },
    });
  } catch (error) {
    throw new UsageError(error instanceof Error ? error.message : String(error));
  }
}

function parseNode(text: string): NodeOption {
  const { name, value } = splitName('--node', text);
  const [, url = '', command = ''] = /^(https?:\/\/\S+)\s+(\S.*)$/s.exec(value) ?? [];
  if (!URL.canParse(url)) throw new UsageError(`--node must be NAME=URL COMMAND (got ${JSON.stringify(text)})`);
  return { name, url, command };
}

function parseKill(text: string): [string, number[]] {
  const { name, value } = splitName('--kill', text);
  const minutes = value.split(',').map((part) => toMinutes('--kill', part));
  return [name, minutes.sort((a, b) => a - b)];
}

function splitName(option: string, text: string): { name: string; value: string } {
  const [, name = '', value = ''] = /^([^=]*)=(.+)$/s.exec(text) ?? [];
  if (NAME.test(name)) return { name, value };
  throw new UsageError(`${option} must begin with NAME=, a name of small letters, digits and hyphens (got ${text})`);
}

function toMinutes(option: string, text: string): number {
  const minutes = Number(text);
  if (minutes > 0) return minutes;
  throw new UsageError(`${option} takes a positive number of minutes (got ${JSON.stringify(text)})`);
}
