import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, it } from '@jest/globals';
import { readConfig } from '../src/config.ts';

/** The known answer of the original farmer's README. */
const ADDRESS = '19qVgG8C6eXwKMMyvVegsi3xCsKyk3Z3jV';
const MESSAGE = 'test message';
const SIGNATURE = 'HyzVUenXXo4pa+kgm1vS8PNJM83eIXFC5r0q86FGbqFcdla6rcw72/ciXiEPfjli3ENfwWuESHhv6K9esI0dl5I=';
const ENTRY = { message: MESSAGE, signature: SIGNATURE };
const OTHER = '1BoatSLRHtKNngkdXEeobR76b53LETtpyT';

const workingDirectory = process.cwd();
let folder: string;
let path: string;
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'identity-'));
  path = join(folder, 'identities.json');
});
afterEach(() => process.chdir(workingDirectory));
afterAll(() => rmSync(folder, { recursive: true }));

/** Reads the configuration with an identity file. */
function read(content: unknown, env: Record<string, string> = { FARMER_ADDRESS: ADDRESS }) {
  writeFileSync(path, typeof content === 'string' ? content : JSON.stringify(content));
  return readConfig({ env: { FARMER_IDENTITY_FILE: path, ...env } });
}

describe('FARMER_IDENTITY_FILE', () => {
  it('names a file in the format of the original farmer', () => {
    expect(read({ [OTHER]: {}, [ADDRESS]: { ...ENTRY, comment: 'kept for later' } })).toMatchObject({
      address: ADDRESS,
      identity: ENTRY,
    });
  });

  it('sets the address if nothing else does: the first one of the file', () => {
    const content = { [ADDRESS]: ENTRY, [OTHER]: {} };
    expect(read(content, {})).toMatchObject({ address: ADDRESS, identity: ENTRY });
    expect(() => read(content, { FARMER_ADDRESS: OTHER })).toThrow('"message" of 1Boat');
    expect(() => read({ 'your sjcx address': ENTRY }, {})).toThrow(
      `address in ${path}: expected an SJCX (Bitcoin) address`,
    );
  });

  it('is by default the file in the place where the original farmer expects it', () => {
    process.chdir(folder);
    mkdirSync('data');
    writeFileSync('data/identities.json', JSON.stringify({ [ADDRESS]: ENTRY }));
    expect(readConfig({ env: {} })).toMatchObject({ address: ADDRESS, identity: ENTRY });
    expect(readConfig({ env: { FARMER_ADDRESS: OTHER } })).toMatchObject({ address: OTHER, identity: undefined });
  });

  it.each<[string, unknown, string]>([
    ['no JSON', `{"${ADDRESS}": {"message": "${SIGNATURE}",}}`, 'invalid JSON in line 1: remove the comma before'],
    ['a text without quotes', `{\n"${ADDRESS}": ${SIGNATURE}}`, 'invalid JSON: expected {"<address>"'],
    ['a list', [ENTRY], 'expected a JSON object such as {"<address>"'],
    [
      'no entry for the address',
      { [OTHER]: ENTRY },
      `it has no entry for ${ADDRESS}: add one, or correct FARMER_ADDRESS`,
    ],
    ['a text for the address', { [ADDRESS]: SIGNATURE }, `the entry of ${ADDRESS} is not an object`],
    ['no message', { [ADDRESS]: { signature: SIGNATURE } }, `"message" of ${ADDRESS} must be a text of 1 to 1024`],
    ['a long message', { [ADDRESS]: { ...ENTRY, message: 'x'.repeat(1025) } }, 'got 1025 characters'],
    ['no signature', { [ADDRESS]: { message: MESSAGE } }, '"signature" of 19q'],
    ['a number as signature', { [ADDRESS]: { ...ENTRY, signature: 1 } }, 'got another type'],
    ['a short signature', { [ADDRESS]: { ...ENTRY, signature: SIGNATURE.slice(1) } }, 'got 87 characters'],
    ['another message', { [ADDRESS]: { ...ENTRY, message: 'test message ' } }, 'was not made by 19q'],
    [
      'another signature',
      { [ADDRESS]: { ...ENTRY, signature: SIGNATURE.replace('Hyz', 'Iyz') } },
      'copy both again, with each space of the message',
    ],
  ])('rejects a file with %s, says what to do, and shows nothing of a signature', (_, content, problem) => {
    const rejected = () => read(content);
    expect(rejected).toThrow(`FARMER_IDENTITY_FILE: ${path}: `);
    expect(rejected).toThrow(problem);
    expect(rejected).not.toThrow(SIGNATURE.slice(1, 20));
  });

  it('rejects a file that cannot be read', () => {
    const env = { FARMER_ADDRESS: ADDRESS, FARMER_IDENTITY_FILE: '/nonexistent' };
    expect(() => readConfig({ env })).toThrow(
      'FARMER_IDENTITY_FILE: /nonexistent: it cannot be read (ENOENT): check the path, its owner and permissions',
    );
  });
});
