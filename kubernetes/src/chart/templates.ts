import type { Farm } from './farm.ts';
import { mergeVariant } from './merge.ts';
import { setAt } from './place.ts';
import { Block, Entries, isMap, type Node, type NodeMap, Text, When, writeMap } from './template.ts';
import type { Value } from './value.ts';

const SETTINGS = 'include "farmer.settings" .';

/** Changed settings change the name, so that the pods restart. */
const CONFIG_MAP_NAME = new Text(`farmer-{{ ${SETTINGS} | sha256sum | trunc 10 }}`);

/** Numbers in values.yaml are floating-point numbers in templates, which print large ones with an exponent. */
const OTHER_SETTINGS = `{{- range $name, $value := .Values.settings }}
{{ $name }}: {{ ternary (int64 $value) $value (kindIs "float64" $value) | quote }}
{{- end }}`;

/** Renders the chart's templates by their file names. */
export function renderTemplates({ base, variants }: Farm, values: readonly Value[]): Record<string, string> {
  const merged = variants.reduce<NodeMap>(
    (tree, { objects, condition }) => mergeVariant(tree, base, objects, condition),
    base,
  );
  const { settings, objects } = extractSettings(addLabels(values.reduce(addValue, merged)));
  const files = Object.entries(objects).map(([kind, object]) => [toFileName(kind), writeObject(object)]);
  return { ...Object.fromEntries(files), '_settings.tpl': writeSettings(settings) };
}

function addValue(farm: NodeMap, { name, place, node, optional, schema, also = [] }: Value): NodeMap {
  const others = also.reduce((tree, part) => setAt(tree, part.place, part.node), farm);
  if (place === undefined) return others;
  const written = node ?? toNode(`.Values.${name}`, schema);
  return setAt(others, place, optional ? new When(`.Values.${name}`, written) : written);
}

function toNode(value: string, { type }: Value['schema']): Node {
  if (type === 'object' || type === 'array') return new Block(`toYaml ${value}`);
  return new Text(type === 'string' ? `{{ ${value} | quote }}` : `{{ ${value} }}`);
}

function addLabels(farm: NodeMap): NodeMap {
  const labels = new Entries('.Values.labels');
  const pod = setAt(farm, ['StatefulSet', 'spec', 'template', 'metadata', 'labels', 'labels'], labels);
  return Object.keys(farm).reduce((tree, kind) => setAt(tree, [kind, 'metadata', 'labels', 'labels'], labels), pod);
}

/**
 * Moves the settings to a template, from whose output the ConfigMap's name is computed. As with kustomize, a ConfigMap
 * is never deleted: `kubectl rollout undo` and pods that a rollout did not reach need the previous one.
 */
function extractSettings(farm: NodeMap): { settings: NodeMap; objects: NodeMap } {
  const configMap = farm['ConfigMap'];
  const data = isMap(configMap) && isMap(configMap['data']) ? configMap['data'] : {};
  const nameOfReference = ['spec', 'template', 'spec', 'containers', 0, 'envFrom', 0, 'configMapRef', 'name'] as const;
  return {
    // The base's other settings are the default of `settings`.
    settings: Object.fromEntries(Object.entries(data).filter(([, node]) => typeof node !== 'string')),
    objects: [
      { place: ['ConfigMap', 'data'] as const, node: new Block(SETTINGS) },
      { place: ['ConfigMap', 'metadata', 'name'] as const, node: CONFIG_MAP_NAME },
      { place: ['ConfigMap', 'metadata', 'annotations'] as const, node: { 'helm.sh/resource-policy': 'keep' } },
      { place: ['StatefulSet', ...nameOfReference] as const, node: CONFIG_MAP_NAME },
    ].reduce((tree, { place, node }) => setAt(tree, place, node), farm),
  };
}

function writeSettings(settings: NodeMap): string {
  return ['{{- define "farmer.settings" -}}', ...writeMap(settings), OTHER_SETTINGS, '{{- end }}', ''].join('\n');
}

function writeObject(object: Node): string {
  if (object instanceof When) return `{{- if ${object.condition} }}\n${writeObject(object.node)}{{- end }}\n`;
  if (!isMap(object)) throw new Error('expected an object');
  return `${writeMap(object).join('\n')}\n`;
}

/** `stateful-set.yaml` */
function toFileName(kind: string): string {
  return `${kind.replace(/(?<=[a-z])(?=[A-Z])/g, '-').toLowerCase()}.yaml`;
}
