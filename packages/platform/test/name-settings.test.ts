import { nameSettings } from '@downstream/platform';
import { describe, expect, it } from '@jest/globals';
import { z } from 'zod';

const setting = { description: '', allowed: '', schema: z.string() };
const table = {
  port: { ...setting, env: 'X_PORT', flag: '--port' },
  dataDir: { ...setting, env: 'X_DATA_DIR', flag: '--data-dir' },
  init: { ...setting, env: 'X_INIT', flag: '--init' },
};
const usedNames = new Map([['X_PORT', '--port']]);

describe('nameSettings', () => {
  it.each([
    ['port 80 is in use: set X_PORT', 'port 80 is in use: set --port'],
    ['X_DATA_DIR: expected a directory', 'X_DATA_DIR: expected a directory'],
    ['set X_INIT', 'set X_INIT (--init)'],
    ['start with --init (X_INIT=true)', 'start with --init (X_INIT=true)'],
    ['cannot read /srv/X_PORT', 'cannot read /srv/X_PORT'],
    ['set X_PORT_FILE or NODE_ENV', 'set X_PORT_FILE or NODE_ENV'],
  ])('changes %j to %j', (message, expected) => {
    expect(nameSettings(message, table, { usedNames, env: { X_DATA_DIR: '/srv' } })).toBe(expected);
  });
});
