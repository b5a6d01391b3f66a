import {
  challengesResponse,
  contractResponse,
  dueResponse,
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
/** Far longer than anything that a node has to say. */
const FLOOD = 'a'.repeat(10_000_000);
const bySecret = { secret: 'd9fc3360c7', file_hash: HASH, challenge: '0.012381234', interval: 60 };
const { secret: _, ...terms } = bySecret;
const byUrl = { ...terms, url: `http://node/api/downstream/download/${HASH}` };
const takes = (reply: { safeParse(value: unknown): { success: boolean } }, value: unknown) =>
  reply.safeParse(value).success;

describe('a contract', () => {
  it.each([
    ['a secret', bySecret],
    ['a URL', byUrl],
  ])('has %s, and its interval in milliseconds from here on', (_name, contract) => {
    expect(contractResponse.parse(contract)).toEqual({ ...contract, interval: 60_000 });
  });

  it.each([
    ['both secret and URL', { ...bySecret, url: byUrl.url }],
    ['neither secret nor URL', terms],
    ['a secret that is null', { ...terms, secret: null }],
    ['an empty secret', { ...terms, secret: '' }],
    ['an endless secret', { ...terms, secret: FLOOD }],
    ['a secret that is a number', { ...terms, secret: 7 }],
    ['no challenge', { ...bySecret, challenge: undefined }],
    ['an empty challenge', { ...bySecret, challenge: '' }],
    ['an endless challenge', { ...bySecret, challenge: FLOOD }],
    ['a challenge that is a number', { ...bySecret, challenge: 0.012381234 }],
    ['no hash', { ...bySecret, file_hash: undefined }],
  ])('is none with %s', (_name, contract) => {
    expect(takes(contractResponse, contract)).toBe(false);
  });

  it('takes what it does not know without keeping it', () => {
    expect(contractResponse.parse({ ...bySecret, extra: FLOOD })).not.toHaveProperty('extra');
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
  ])('is none with the interval %p', (interval) => {
    expect(takes(contractResponse, { ...bySecret, interval })).toBe(false);
  });

  it.each([
    [1, 1_000],
    [1.5, 1_500],
    [366 * 24 * 3600, 31_622_400_000],
  ])('may have an interval of %p seconds', (interval, intervalMs) => {
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
  ])('is none with the URL %p', (url) => {
    expect(takes(contractResponse, { ...terms, url })).toBe(false);
  });
});

describe('a file hash', () => {
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
    FLOOD,
    7,
    null,
    [HASH],
    { toString: () => HASH },
  ])('is never %p', (hash) => {
    expect(takes(sha256Hex, hash)).toBe(false);
    expect(takes(contractResponse, { ...bySecret, file_hash: hash })).toBe(false);
    expect(takes(dueResponse, { all_contracts: [{ hash }], due_contracts: [] })).toBe(false);
    expect(takes(dueResponse, { all_contracts: [], due_contracts: [{ hash, challenge: '0.1' }] })).toBe(false);
  });

  it('is any 64 lowercase hex characters, and no other text', () => {
    const hex = fc.string({ unit: fc.constantFrom(...'0123456789abcdef'), minLength: 64, maxLength: 64 });
    fc.assert(fc.property(hex, (text) => takes(sha256Hex, text)));
    fc.assert(
      fc.property(fc.string({ maxLength: 80 }), (text) => takes(sha256Hex, text) === /^[0-9a-f]{64}$/.test(text)),
    );
  });
});

describe('a token', () => {
  it.each(['dfs9mfa2', 'a', '0123456789abcdef0123456789abcdef', 'A_b-c', 'x'.repeat(128)])('may be %p', (token) => {
    expect(tokenResponse.parse({ token })).toEqual({ token });
  });

  it.each([
    '',
    'x'.repeat(129),
    FLOOD,
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
  ])('is never %p', (token) => {
    expect(takes(tokenResponse, { token })).toBe(false);
  });
});

describe('other replies', () => {
  it.each([
    [
      'what is due',
      dueResponse,
      { all_contracts: [{ hash: HASH }], due_contracts: [{ hash: HASH, challenge: '0.1' }] },
    ],
    ['nothing due', dueResponse, { all_contracts: [], due_contracts: [] }],
    ['a pass', verdictResponse, { status: 'pass' }],
    ['a fail', verdictResponse, { status: 'fail' }],
    ['a removal', removeResponse, { status: 'ok' }],
    ['an error', statusResponse, { status: 'error', message: 'no' }],
    ['challenges', challengesResponse, { challenges: [{ block: 0, seed: 's', filename: 'f', rootseed: 'r' }] }],
    ['a match', matchResponse, { msg: 'ok', match: true }],
  ])('may be %s', (_name, reply, value) => {
    expect(takes(reply, value)).toBe(true);
  });

  it.each([
    ['due contracts only', dueResponse, { due_contracts: [] }],
    ['an object for a list', dueResponse, { all_contracts: {}, due_contracts: [] }],
    ['a due contract without a challenge', dueResponse, { all_contracts: [], due_contracts: [{ hash: HASH }] }],
    ['the stub that was once answered', dueResponse, { contracts: 'data' }],
    ['a verdict of another word', verdictResponse, { status: 'PASS' }],
    ['a verdict that is an error', verdictResponse, { status: 'no_token' }],
    ['a removal that was none', removeResponse, { status: 'no_hash' }],
    ['an endless status', statusResponse, { status: FLOOD }],
    ['an endless message', statusResponse, { status: 'error', message: FLOOD }],
    ['no challenge at all', challengesResponse, { challenges: [] }],
    ['a negative block', challengesResponse, { challenges: [{ block: -1, seed: 's' }] }],
    ['half a block', challengesResponse, { challenges: [{ block: 0.5, seed: 's' }] }],
    ['a block beyond counting', challengesResponse, { challenges: [{ block: 2 ** 53, seed: 's' }] }],
    ['a block as text', challengesResponse, { challenges: [{ block: '1', seed: 's' }] }],
    ['an endless seed', challengesResponse, { challenges: [{ block: 1, seed: FLOOD }] }],
    ['a match as text', matchResponse, { match: 'true' }],
    ['a page of HTML', matchResponse, '<!doctype html>'],
  ])('are never %s', (_name, reply, value) => {
    expect(takes(reply, value)).toBe(false);
  });
});
