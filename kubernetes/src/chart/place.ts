import { isMap, type Json, type Node, type NodeMap, When } from './template.ts';

/** The keys that lead to a part of a tree. */
export type Place = readonly [string | number, ...(string | number)[]];

/** @throws if the tree has no such part */
export function getAt(root: Json, place: Place): Json {
  const found = place.reduce<Json | undefined>(getChild, root);
  if (found === undefined) throw new Error(`nothing at ${place.join('.')}`);
  return found;
}

function getChild(parent: Json | undefined, key: string | number): Json | undefined {
  if (Array.isArray(parent)) return parent[Number(key)];
  return isMap(parent) ? parent[key] : undefined;
}

/**
 * Replaces or adds a part. What depends on a condition on the way there continues to do so.
 *
 * @throws if there is nothing to which the part can be added
 */
export function setAt(root: NodeMap, [key, ...others]: Place, node: Node): NodeMap {
  return { ...root, [key]: setBelow(root[key], others, node) };
}

function setBelow(parent: Node | undefined, place: readonly (string | number)[], node: Node): Node {
  if (parent instanceof When) return new When(parent.condition, setBelow(parent.node, place, node), parent.otherwise);
  const [key, ...others] = place;
  if (key === undefined) return node;
  if (isMap(parent)) return setAt(parent, [key, ...others], node);
  if (Array.isArray(parent) && typeof key === 'number' && key <= parent.length)
    return [...parent.slice(0, key), setBelow(parent[key], others, node), ...parent.slice(key + 1)];
  throw new Error(`nothing that contains ${place.join('.')}`);
}
