import { isDeepStrictEqual } from 'node:util';
import { isMap, type Json, type JsonMap, type Node, type NodeMap, When } from './template.ts';

/**
 * Makes the differences between two renderings depend on a condition.
 *
 * @param tree renders `base`; other conditions may exist in it already
 * @returns a tree that renders `variant` on the condition, and otherwise what `tree` renders
 */
export function mergeVariant(tree: NodeMap, base: JsonMap, variant: JsonMap, condition: string): NodeMap {
  const kept = Object.entries(tree).map(([key, node]) => {
    const [before, after] = [base[key], variant[key]];
    if (before === undefined) return [key, node];
    if (after === undefined) return [key, new When(`not ${condition}`, node)];
    return [key, mergeNode(node, before, after, condition)];
  });
  const added = Object.entries(variant)
    .filter(([key]) => base[key] === undefined)
    .map(([key, node]) => [key, new When(condition, node)]);
  return Object.fromEntries([...kept, ...added]);
}

function mergeNode(tree: Node, base: Json, variant: Json, condition: string): Node {
  if (isDeepStrictEqual(base, variant)) return tree;
  if (isMap(tree) && isMap(base) && isMap(variant)) return mergeVariant(tree, base, variant, condition);
  if (Array.isArray(tree) && Array.isArray(base) && Array.isArray(variant)) {
    const merged = insertItems(tree, base, variant, condition);
    if (merged !== undefined) return merged;
    if (base.length === variant.length && tree.length === base.length)
      return tree.map((item, n) => mergeNode(item, base[n] ?? null, variant[n] ?? null, condition));
  }
  return new When(condition, variant, tree);
}

/**
 * Inserts items behind those that other conditions have inserted at the same position.
 *
 * @returns undefined if the variant does more than insert items
 */
function insertItems(tree: Node[], base: Json[], variant: Json[], condition: string): Node[] | undefined {
  const items = [...tree];
  let position = 0;
  let found = 0;
  for (const item of variant) {
    while (isInserted(items[position])) position++;
    if (isDeepStrictEqual(item, base[found])) found++;
    else items.splice(position, 0, new When(condition, item));
    position++;
  }
  return found === base.length ? items : undefined;
}

function isInserted(item: Node | undefined): boolean {
  return item instanceof When && item.otherwise === undefined;
}
