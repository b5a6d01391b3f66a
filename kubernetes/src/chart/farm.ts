import { kustomizeContent, parseObjects } from '../kustomize.ts';
import { getAt } from './place.ts';
import type { JsonMap } from './template.ts';

const BASE = '../../base';

/** What kustomize renders. Objects are indexed by their kind: a farm has at most one of each. */
export interface Farm {
  readonly base: JsonMap;
  /** The base with one component each, and the condition on which it applies. */
  readonly variants: readonly { readonly condition: string; readonly objects: JsonMap }[];
}

/** @param conditions for each folder in kubernetes/components the condition on which it applies */
export function renderFarm(conditions: Readonly<Record<string, string>>): Farm {
  const variants = Object.entries(conditions).map(([component, condition]) => ({
    condition,
    objects: indexByKind(kustomizeContent({ resources: [BASE], components: [`../../components/${component}`] })),
  }));
  return { base: indexByKind(kustomizeContent({ resources: [BASE] })), variants };
}

/** The ConfigMap's name loses the hash that kustomize appends. */
function indexByKind(text: string): JsonMap {
  const [hashed = ''] = /\bfarmer-[a-z0-9]{10}\b/.exec(text) ?? [];
  const objects = parseObjects(text.replaceAll(hashed, 'farmer'));
  const byKind = Object.fromEntries(objects.map((object) => [getAt(object, ['kind']), object]));
  if (Object.keys(byKind).length < objects.length) throw new Error('more than one object of a kind');
  return byKind;
}
