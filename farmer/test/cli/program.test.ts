import { describe, expect, it } from '@jest/globals';
import { createProgram } from '../../src/cli/program.ts';
import { SETTINGS } from '../../src/settings.ts';

async function parse(...args: string[]) {
  let parsed: object = {};
  const program = createProgram(
    {
      run: async ({ flags = {} }) => {
        parsed = flags;
      },
      verifyOwnership: async () => {},
      addCommands: () => {},
    },
    { out: () => {}, err: () => {} },
  );
  await program.parseAsync(args, { from: 'user' });
  return Object.fromEntries(Object.entries(parsed).filter(([, value]) => value !== undefined));
}

describe('createProgram', () => {
  it.each(Object.entries(SETTINGS))('passes the option of %s to this setting only', async (key, setting) => {
    const isSwitch = !('value' in setting);
    expect(await parse(setting.flag, ...(isSwitch ? [] : ['text']))).toEqual({ [key]: isSwitch ? true : 'text' });
  });

  it.each([
    ['-n', 'challengeCount'],
    ['-s', 'size'],
    ['-a', 'address'],
    ['-t', 'token'],
    ['-i', 'identityPath'],
    ['-p', 'historyPath'],
    ['-d', 'folders'],
    ['--data-directory', 'folders'],
  ])('accepts %s of the original farmer', async (flag, key) => {
    expect(await parse(flag, 'text')).toEqual({ [key]: 'text' });
    expect(await parse('-f')).toEqual({ forceNewToken: true });
  });
});
