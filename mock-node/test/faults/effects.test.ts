import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { EFFECT_GROUPS, EFFECTS } from '@downstream/control-api';
import { describe, expect, it } from '@jest/globals';

describe('the effect groups', () => {
  it.each(EFFECT_GROUPS)('have a test file for %s', (group) => {
    expect(existsSync(join(import.meta.dirname, 'effects', `${group}.test.ts`))).toBe(true);
  });

  it('contain all effects', () => {
    const groups: readonly string[] = EFFECT_GROUPS;
    expect(Object.values(EFFECTS).filter(({ group }) => !groups.includes(group))).toEqual([]);
  });
});
