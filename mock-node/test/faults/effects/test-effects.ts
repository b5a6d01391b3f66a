import { EFFECTS, type EffectGroup, type EffectKindIn } from '@downstream/control-api';
import { describe, expect, it } from '@jest/globals';

/** The tests of one effect, by title. */
type EffectTests = Readonly<Record<string, () => Promise<void>>>;

/** Registers the tests of a group's effects. It does not compile while an effect of the group is missing. */
export function testEffects<Group extends EffectGroup>(
  group: Group,
  tests: { readonly [Kind in EffectKindIn<Group>]: EffectTests },
): void {
  for (const [kind, testsOfKind] of Object.entries<EffectTests>(tests)) {
    describe(kind, () => {
      for (const [title, test] of Object.entries(testsOfKind)) it(title, test);
    });
  }

  describe(`the group ${group}`, () => {
    it('has a test for each of its effects', () => {
      const kinds = Object.entries(EFFECTS).flatMap(([kind, effect]) => (effect.group === group ? [kind] : []));
      const tested = Object.entries<EffectTests>(tests).flatMap(([kind, each]) =>
        Object.keys(each).length > 0 ? [kind] : [],
      );
      expect(tested.toSorted()).toEqual(kinds.toSorted());
    });
  });
}
