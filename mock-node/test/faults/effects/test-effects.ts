import { EFFECTS, type EffectGroup, type EffectKind } from '@downstream/control-api';
import { describe, expect, it } from '@jest/globals';

type KindOf<Group extends EffectGroup> = {
  [Kind in EffectKind]: (typeof EFFECTS)[Kind]['group'] extends Group ? Kind : never;
}[EffectKind];

/** What an effect promises, sentence by sentence, each with what shows it. */
type Proofs = Readonly<Record<string, () => Promise<void>>>;

/** The tests of a group's effects. It does not compile while one of them has none. */
export function prove<Group extends EffectGroup>(
  group: Group,
  proofs: { readonly [Kind in KindOf<Group>]: Proofs },
): void {
  for (const [kind, sentences] of Object.entries<Proofs>(proofs)) {
    describe(kind, () => {
      for (const [sentence, proof] of Object.entries(sentences)) it(sentence, proof);
    });
  }

  it(`has a proof of every effect of the group ${group}`, () => {
    const kinds = Object.entries(EFFECTS).flatMap(([kind, effect]) => (effect.group === group ? [kind] : []));
    const proved = Object.entries<Proofs>(proofs).flatMap(([kind, each]) =>
      Object.keys(each).length > 0 ? [kind] : [],
    );
    expect(proved.toSorted()).toEqual(kinds.toSorted());
  });
}
