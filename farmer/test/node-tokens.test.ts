import { mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { FakeLogger } from '@downstream/platform/testing';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { readConfig } from '../src/config.ts';
import type { TokenStorePort } from '../src/farming/ports.ts';
import { NodeTokens, type NodeTokensOptions } from '../src/node-tokens.ts';

const ADDRESS = '19qVgG8C6eXwKMMyvVegsi3xCsKyk3Z3jV';
const OTHER = '1BoatSLRHtKNngkdXEeobR76b53LETtpyT';
const URL = 'http://node.example';
const [STORED, GIVEN, SAVED, NEW] = ['stored-token', 'given-token', 'token-in-history', 'new-token'];

let folder: string;
let historyPath: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'node-tokens-'));
  historyPath = join(folder, 'history.json');
});
afterEach(() => rmSync(folder, { recursive: true }));

const writeHistory = (history: unknown) =>
  writeFileSync(historyPath, typeof history === 'string' ? history : JSON.stringify(history));
const readHistory = () => JSON.parse(readFileSync(historyPath, 'utf8'));

function open(
  options: Partial<NodeTokensOptions>,
  { stored, contracts = 0 }: { stored?: string | undefined; contracts?: number } = {},
) {
  let inState = stored;
  const remembered: string[] = [];
  const log = new FakeLogger();
  const store: TokenStorePort = {
    token: () => inState,
    saveToken: (token) => {
      inState = token;
    },
    api: () => undefined,
    saveApi: () => {},
  };
  const tokens = NodeTokens.open(
    { url: URL, address: ADDRESS, forceNewToken: false, ...options },
    { store, contracts: { size: contracts }, remember: (token) => remembered.push(token), log },
  );
  return { tokens, token: tokens.token(), inState, remembered, warnings: log.lines };
}

describe('NodeTokens', () => {
  it.each<[string, Partial<NodeTokensOptions>, { stored?: string; contracts?: number }, string | undefined]>([
    ['no token without any setting', {}, {}, undefined],
    ['the token in the state', {}, { stored: STORED, contracts: 2 }, STORED],
    ['the given token', { token: GIVEN }, {}, GIVEN],
    ['the given token instead of the one in the state', { token: GIVEN }, { stored: STORED }, GIVEN],
    ['no token if a new one is demanded', { forceNewToken: true }, { stored: STORED }, undefined],
    ['no token if a new one is demanded and one is given', { forceNewToken: true, token: GIVEN }, {}, undefined],
  ])('starts with %s', (_, options, state, expected) => {
    const { token, inState, remembered, warnings } = open(options, state);
    expect({ token, warnings }).toEqual({ token: expected, warnings: [] });
    if (expected !== undefined) expect(inState).toBe(expected);
    if (expected !== undefined) expect(remembered).toContain(expected);
  });

  it.each([
    ['FARMER_TOKEN', { token: GIVEN }],
    ['FARMER_FORCENEW', { forceNewToken: true }],
  ])('keeps the token of contracts in spite of %s', (setting, options) => {
    const { token, inState, warnings } = open(options, { stored: STORED, contracts: 2 });
    expect({ token, inState }).toEqual({ token: STORED, inState: STORED });
    expect(warnings).toEqual([{ level: 'warn', message: 'token setting ignored', fields: { setting, contracts: 2 } }]);
    expect(open({ token: STORED }, { stored: STORED, contracts: 2 }).warnings).toEqual([]);
  });

  it('uses and stores a new token that was demanded', () => {
    const { tokens } = open({ forceNewToken: true }, { stored: STORED });
    tokens.saveToken(NEW);
    expect(tokens.token()).toBe(NEW);
  });

  it('takes the token of its node and address from the history file, unless the state has one', () => {
    writeHistory({ last_node: URL, nodes: { [URL]: { token: SAVED, address: ADDRESS } } });
    expect(open({ historyPath })).toMatchObject({ token: SAVED, inState: SAVED, remembered: [SAVED] });
    expect(open({ historyPath }, { stored: STORED }).token).toBe(STORED);
    writeHistory({ nodes: { [URL]: { token: SAVED, address: null } } });
    expect(open({ historyPath }).token).toBe(SAVED);
    for (const nodes of [{ [URL]: { token: SAVED, address: OTHER } }, { 'http://other': { token: SAVED } }, {}]) {
      writeHistory({ nodes });
      expect(open({ historyPath }).token).toBeUndefined();
    }
  });

  it('adds tokens to the history file, keeps the rest of it, and hides it from other users', () => {
    const others = { 'http://other': { token: SAVED, address: OTHER } };
    writeHistory({ last_node: 'http://other', nodes: others, version: 2 });
    open({ historyPath }).tokens.saveToken(NEW);
    const nodes = { ...others, [URL]: { token: NEW, address: ADDRESS } };
    expect(readHistory()).toEqual({ last_node: URL, nodes, version: 2 });
    expect(statSync(historyPath).mode & 0o777).toBe(0o600);
  });

  it('creates the history file with the token in the state', () => {
    open({ historyPath }, { stored: STORED });
    expect(readHistory()).toEqual({ last_node: URL, nodes: { [URL]: { token: STORED, address: ADDRESS } } });
  });

  it('warns if the history file cannot be written, because the state has the token', () => {
    const path = join(folder, 'missing', 'history.json');
    const { tokens, token, warnings } = open({ historyPath: path }, { stored: STORED });
    expect({ token, warnings }).toMatchObject({ token: STORED, warnings: [{ message: 'history file not written' }] });
    tokens.saveToken(NEW);
    expect(tokens.token()).toBe(NEW);
  });
});

describe('FARMER_HISTORY', () => {
  const read = (env: Record<string, string> = {}) => readConfig({ env: { FARMER_HISTORY: historyPath, ...env } });

  it('sets the node that was used last, and its address, if nothing else does', () => {
    writeHistory({
      last_node: URL,
      nodes: { [URL]: { token: SAVED, address: ADDRESS }, 'http://other': { token: SAVED, address: OTHER } },
    });
    expect(read()).toMatchObject({ nodes: [{ url: URL }], address: ADDRESS });
    expect(read({ FARMER_NODE_URL: 'http://other/' })).toMatchObject({
      nodes: [{ url: 'http://other' }],
      address: OTHER,
    });
    expect(read({ FARMER_ADDRESS: OTHER })).toMatchObject({ nodes: [{ url: URL }], address: OTHER });
  });

  it('may name a file that does not exist yet', () => {
    expect(read({ FARMER_ADDRESS: ADDRESS })).toMatchObject({ nodes: [{ url: 'http://localhost:5000' }] });
  });

  it.each([
    ['no JSON', '{"nodes": hunter2', 'expected a JSON object'],
    ['a list', ['hunter2'], 'expected a JSON object'],
    ['an invalid token', { nodes: { [URL]: { token: 'hunter2 hunter2' } } }, `invalid value of "nodes.${URL}.token"`],
    ['a number as address', { nodes: { [URL]: { address: 1 } } }, `invalid value of "nodes.${URL}.address"`],
  ])('rejects a file with %s, without showing its content', (_, content, problem) => {
    writeHistory(content);
    const rejected = () => read({ FARMER_ADDRESS: ADDRESS });
    expect(rejected).toThrow(`FARMER_HISTORY: ${historyPath}: ${problem}`);
    expect(rejected).not.toThrow('hunter2');
  });
});

describe('FARMER_TOKEN', () => {
  it('is for one node, and not shown in errors', () => {
    const env = { FARMER_ADDRESS: ADDRESS, FARMER_NODE_URL: 'http://a,http://b', FARMER_TOKEN: GIVEN };
    expect(() => readConfig({ env })).toThrow('FARMER_TOKEN is for one node: for several, use FARMER_HISTORY');
    const invalid = () => readConfig({ env: { ...env, FARMER_TOKEN: 'hunter2!' } });
    expect(invalid).toThrow('FARMER_TOKEN: expected 8 to 128 letters');
    expect(invalid).not.toThrow('hunter2');
  });

  it('can be in a file', () => {
    const path = join(folder, 'token');
    writeFileSync(path, `${GIVEN}\n`);
    expect(readConfig({ env: { FARMER_ADDRESS: ADDRESS, FARMER_TOKEN_FILE: path } }).token).toBe(GIVEN);
  });
});
