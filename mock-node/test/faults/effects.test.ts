import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { EFFECT_GROUPS, EFFECTS } from '@downstream/control-api';
import { describe, expect, it } from '@jest/globals';

describe('the effects', () => {
  it.each(EFFECT_GROUPS)('of the group %s are proved in a file of their own', (group) => {
    expect(existsSync(join(import.meta.dirname, 'effects', `${group}.test.ts`))).toBe(true);
  });

  it('are all of a group that has such a file', () => {
    const groups: readonly string[] = EFFECT_GROUPS;
    expect(Object.values(EFFECTS).filter(({ group }) => !groups.includes(group))).toEqual([]);
  });
});
