import {
  contractResponse,
  dueContract,
  fileChallenge,
  listedContract,
  matchResponse,
  removeResponse,
  sha256Hex,
  statusResponse,
  tokenResponse,
  verdictResponse,
} from '@downstream/protocol';
import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';

const HASH = '05ec'.repeat(16);
const HUGE_TEXT = 'a'.repeat(10_000_000);
const bySecret = { secret: 'd9fc3360c7', file_hash: HASH, challenge: '0.012381234', interval: 60 };
const { secret: _, ...terms } = bySecret;
const byUrl = { ...terms, url: `http://node/api/downstream/download/${HASH}` };
const accepts = (schema: { safeParse(value: unknown): { success: boolean } }, value: unknown) =>
  schema.safeParse(value).success;

describe('contractResponse', () => {
  it.each([
    ['a secret', bySecret],
    ['a URL', byUrl],
  ])('accepts %s, and converts the interval to milliseconds', (_name, contract) => {
    expect(contractResponse.parse(contract)).toEqual({ ...contract, interval: 60_000 });
  });

  it.each([
    ['both secret and URL', { ...bySecret, url: byUrl.url }],
    ['neither secret nor URL', terms],
    ['null as the secret', { ...terms, secret: null }],
    ['an empty secret', { ...terms, secret: '' }],
    ['a secret of 10 MB', { ...terms, secret: HUGE_TEXT }],
    ['a secret that is a number', { ...terms, secret: 7 }],
    ['no challenge', { ...bySecret, challenge: undefined }],
    ['an empty challenge', { ...bySecret, challenge: '' }],
    ['a challenge of 10 MB', { ...bySecret, challenge: HUGE_TEXT }],
    ['a challenge that is a number', { ...bySecret, challenge: 0.012381234 }],
    ['no hash', { ...bySecret, file_hash: undefined }],
  ])('rejects %s', (_name, contract) => {
    expect(accepts(contractResponse, contract)).toBe(false);
  });

  it('strips unknown fields', () => {
    expect(contractResponse.parse({ ...bySecret, extra: HUGE_TEXT })).not.toHaveProperty('extra');
  });

  it.each([
    0,
    -60,
    -0,
    0.999,
    Number.NaN,
    Number.POSITIVE_INFINITY,
    Number.NEGATIVE_INFINITY,
    1e308,
    366 * 24 * 3600 + 1,
    '60',
    '',
    null,
    undefined,
    [60],
    true,
  ])('rejects the interval %p', (interval) => {
    expect(accepts(contractResponse, { ...bySecret, interval })).toBe(false);
  });

  it.each([
    [1, 1_000],
    [1.5, 1_500],
    [366 * 24 * 3600, 31_622_400_000],
  ])('accepts an interval of %p seconds', (interval, intervalMs) => {
    expect(contractResponse.parse({ ...bySecret, interval }).interval).toBe(intervalMs);
  });

  it.each([
    'file:///etc/passwd',
    'ftp://node/chunk',
    'javascript:alert(1)',
    'data:,chunk',
    '/api/downstream/download/x',
    'node:5000/x',
    '',
    'http://',
    `http://node/${'x'.repeat(3_000)}`,
    null,
    7,
  ])('rejects the URL %p', (url) => {
    expect(accepts(contractResponse, { ...terms, url })).toBe(false);
  });
});

describe('sha256Hex', () => {
  it.each([
    '',
    '../../etc/passwd',
    `../${HASH}`,
    `${HASH}/..`,
    `${HASH.slice(0, 61)}/..`,
    `${HASH}.tmp`,
    HASH.slice(1),
    `${HASH}0`,
    HASH.toUpperCase(),
    `${HASH}\n`,
    `\n${HASH}`,
    `${HASH}\0`,
    ` ${HASH}`,
    `${HASH.slice(1)}g`,
    '٠'.repeat(64),
    HUGE_TEXT,
    7,
    null,
    [HASH],
    { toString: () => HASH },
  ])('rejects %p', (hash) => {
    expect(accepts(sha256Hex, hash)).toBe(false);
    expect(accepts(contractResponse, { ...bySecret, file_hash: hash })).toBe(false);
    expect(accepts(listedContract, { hash })).toBe(false);
    expect(accepts(dueContract, { hash, challenge: '0.1' })).toBe(false);
  });

  it('accepts 64 lowercase hex characters and nothing else', () => {
    const hex = fc.string({ unit: fc.constantFrom(...'0123456789abcdef'), minLength: 64, maxLength: 64 });
    fc.assert(fc.property(hex, (text) => accepts(sha256Hex, text)));
    fc.assert(
      fc.property(fc.string({ maxLength: 80 }), (text) => accepts(sha256Hex, text) === /^[0-9a-f]{64}$/.test(text)),
    );
  });
});

describe('tokenResponse', () => {
  it.each(['dfs9mfa2', '0123456789abcdef0123456789abcdef', 'A_b-c123', 'x'.repeat(128)])('accepts %p', (token) => {
    expect(tokenResponse.parse({ token })).toEqual({ token });
  });

  it.each([
    '',
    'e',
    '1234567',
    'x'.repeat(129),
    HUGE_TEXT,
    '..',
    '../x',
    'a/b',
    'a b',
    'a\n',
    'a%2fb',
    'a?b',
    'é',
    '<html>',
    7,
    null,
    ['a'],
  ])('rejects %p', (token) => {
    expect(accepts(tokenResponse, { token })).toBe(false);
  });
});

describe('The other response schemas', () => {
  it.each([
    ['a contract', listedContract, { hash: HASH }],
    ['a due contract', dueContract, { hash: HASH, challenge: '0.1' }],
    ['a passed verdict', verdictResponse, { status: 'pass' }],
    ['a failed verdict', verdictResponse, { status: 'fail' }],
    ['a removal', removeResponse, { status: 'ok' }],
    ['an error', statusResponse, { status: 'error', message: 'no' }],
    ['a challenge for a file', fileChallenge, { block: 0, seed: 's', filename: 'f', rootseed: 'r' }],
    ['a match', matchResponse, { msg: 'ok', match: true }],
  ])('accept %s', (_name, schema, value) => {
    expect(accepts(schema, value)).toBe(true);
  });

  it.each([
    ['a list for a contract', listedContract, [HASH]],
    ['an unrelated object', dueContract, { contract: 'data' }],
    ['an unknown verdict', verdictResponse, { status: 'PASS' }],
    ['an error as a verdict', verdictResponse, { status: 'no_token' }],
    ['a failed removal', removeResponse, { status: 'no_hash' }],
    ['a status of 10 MB', statusResponse, { status: HUGE_TEXT }],
    ['a message of 10 MB', statusResponse, { status: 'error', message: HUGE_TEXT }],
    ['a negative block', fileChallenge, { block: -1, seed: 's' }],
    ['a fractional block', fileChallenge, { block: 0.5, seed: 's' }],
    ['a block above the safe integers', fileChallenge, { block: 2 ** 53, seed: 's' }],
    ['a block as text', fileChallenge, { block: '1', seed: 's' }],
    ['a seed of 10 MB', fileChallenge, { block: 1, seed: HUGE_TEXT }],
    ['a match as text', matchResponse, { match: 'true' }],
    ['a page of HTML', matchResponse, '<!doctype html>'],
  ])('reject %s', (_name, schema, value) => {
    expect(accepts(schema, value)).toBe(false);
  });
});

describe('dueContract', () => {
  it.each(['', HUGE_TEXT, 0.5, null, undefined])('keeps the hash, but no invalid challenge', (challenge) => {
    expect(dueContract.parse({ hash: HASH, challenge })).toEqual({ hash: HASH, challenge: undefined });
  });
});
