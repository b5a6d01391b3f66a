import { stringify } from 'yaml';

/** A scalar that Helm computes: `{{ .Values.size | quote }}`. */
export class Text {
  readonly text: string;
  constructor(text: string) {
    this.text = text;
  }
}

/** A collection that Helm computes by a pipeline. */
export class Block {
  readonly text: string;
  constructor(text: string) {
    this.text = text;
  }
}

/** Entries that Helm adds to the map in which this node is. Its key has no meaning. */
export class Entries {
  readonly text: string;
  constructor(text: string) {
    this.text = text;
  }
}

/** An entry or item that exists, or has another value, only on a condition. */
export class When {
  readonly condition: string;
  readonly node: Node;
  readonly otherwise: Node | undefined;
  constructor(condition: string, node: Node, otherwise?: Node) {
    this.condition = condition;
    this.node = node;
    this.otherwise = otherwise;
  }
}

/** An item for each element of a list, which is `.` in the item. */
export class Range {
  readonly list: string;
  readonly item: Node;
  constructor(list: string, item: Node) {
    this.list = list;
    this.item = item;
  }
}

export type Json = null | string | number | boolean | Json[] | JsonMap;
export type JsonMap = { [key: string]: Json };

/** YAML with parts that Helm computes. */
export type Node = null | string | number | boolean | Text | Block | Entries | When | Range | Node[] | NodeMap;
export type NodeMap = { [key: string]: Node };

export function isMap(node: Json | undefined): node is JsonMap;
export function isMap(node: Node | undefined): node is NodeMap;
export function isMap(node: Node | undefined): boolean {
  return typeof node === 'object' && node !== null && Object.getPrototypeOf(node) === Object.prototype;
}

/** Writes the lines of a Helm template that renders a map. They do not depend on the order of the keys. */
export function writeMap(map: NodeMap, indent = 0): string[] {
  const entries = Object.entries(map).sort(([a], [b]) => getRank(a) - getRank(b) || (a < b ? -1 : 1));
  return entries.flatMap(([key, node]) => writeEntry(key, node, indent));
}

const FIRST_KEYS = ['apiVersion', 'kind', 'metadata', 'name'];

function getRank(key: string): number {
  const rank = FIRST_KEYS.indexOf(key);
  return rank === -1 ? FIRST_KEYS.length : rank;
}

function writeEntry(key: string, node: Node, indent: number): string[] {
  const margin = ' '.repeat(indent);
  if (node instanceof When) return writeWhen(node, indent, (chosen) => writeEntry(key, chosen, indent));
  if (node instanceof Entries)
    return [`${margin}{{- with ${node.text} }}`, `${margin}{{- toYaml . | nindent ${indent} }}`, `${margin}{{- end }}`];
  if (node instanceof Block) return [`${margin}${key}:`, `${margin}  {{- ${node.text} | nindent ${indent + 2} }}`];
  if (Array.isArray(node) && node.length > 0) return [`${margin}${key}:`, ...writeItems(node, indent + 2)];
  if (isMap(node) && Object.keys(node).length > 0) return [`${margin}${key}:`, ...writeMap(node, indent + 2)];
  return [`${margin}${key}: ${writeScalar(node)}`];
}

function writeItems(items: readonly Node[], indent: number): string[] {
  return items.flatMap((node) => writeItem(node, indent));
}

function writeItem(node: Node, indent: number): string[] {
  const margin = ' '.repeat(indent);
  if (node instanceof When) return writeWhen(node, indent, (chosen) => writeItem(chosen, indent));
  if (node instanceof Range)
    return [`${margin}{{- range ${node.list} }}`, ...writeItem(node.item, indent), `${margin}{{- end }}`];
  if (!isMap(node)) return [`${margin}- ${writeScalar(node)}`];
  const [first = '', ...others] = writeMap(node, indent + 2);
  if (first.trimStart().startsWith('{{')) throw new Error(`an item starts with a directive: ${first}`);
  return [`${margin}- ${first.trimStart()}`, ...others];
}

function writeWhen({ condition, node, otherwise }: When, indent: number, write: (node: Node) => string[]): string[] {
  const margin = ' '.repeat(indent);
  const alternative = otherwise === undefined ? [] : [`${margin}{{- else }}`, ...write(otherwise)];
  return [`${margin}{{- if ${condition} }}`, ...write(node), ...alternative, `${margin}{{- end }}`];
}

function writeScalar(node: Node): string {
  return node instanceof Text ? node.text : stringify(node, { lineWidth: 0 }).trimEnd();
}
