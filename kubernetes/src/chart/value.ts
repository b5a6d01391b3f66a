import type { Place } from './place.ts';
import type { Json, Node } from './template.ts';

/** A JSON Schema. */
export interface Schema {
  readonly type: string | readonly string[];
  readonly [keyword: string]: unknown;
}

/** A value of the chart. */
export interface Value {
  /** `volume.size` */
  readonly name: string;
  readonly description: string;
  readonly schema: Schema;
  /** Where the templates use it, unless it is only a condition or a part of another value's node. */
  readonly place?: Place;
  /** What is written there if it is not the value itself. */
  readonly node?: Node;
  /** Whether nothing is written there if the value is empty. */
  readonly optional?: true;
  /** Other parts that the templates write. */
  readonly also?: readonly { readonly place: Place; readonly node: Node }[];
  /** The default, or how to derive it from kustomize's base. Without it, it is what the base contains at the place. */
  readonly default?: Json | ((base: Json) => Json);
}

/** Maps values and the groups in which they are: `image` of `image.tag`. */
export function foldValues<Result>(
  values: readonly Value[],
  to: { value: (key: string, value: Value) => Result; group: (key: string, members: Result[]) => Result },
  depth = 0,
): Result[] {
  const byKey = Map.groupBy(values, ({ name }) => name.split('.')[depth] ?? '');
  return [...byKey].map(([key, [first, ...others]]) => {
    if (first === undefined) throw new Error(`no values in ${key}`);
    if (first.name.split('.').length === depth + 1) return to.value(key, first);
    return to.group(key, foldValues([first, ...others], to, depth + 1));
  });
}
