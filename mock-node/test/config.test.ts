import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { startMockNode } from '@downstream/mock-node';
import { describe, expect, it } from '@jest/globals';
import { readConfig } from '../src/config.ts';

describe('readConfig', () => {
  it('has defaults', () => {
    expect(readConfig({ env: {} })).toEqual({
      host: '127.0.0.1',
      port: 5_000,
      controlPort: 5_001,
      allowedHosts: [],
      timeScale: 1,
      journalSize: 1_000,
      logLevel: 'info',
      seed: undefined,
      intervalMs: 60_000,
      maxContracts: 10_000,
      maxFailures: 10,
      contractForm: 'secret',
      scheme: 'merkle',
      chunkSizesBytes: [33_554_432],
      challengesPerChunk: 256,
      checkFraction: 0.01,
      preparedChunks: 10,
      requiresSignature: false,
    });
  });

  it('reads lists', () => {
    const env = { MOCK_CHUNK_SIZES: '32768, 1048576', MOCK_WHITELIST: '19qVgG8C6eXwKMMyvVegsi3xCsKyk3Z3jV' };
    expect(readConfig({ env })).toMatchObject({
      chunkSizesBytes: [32_768, 1_048_576],
      whitelist: ['19qVgG8C6eXwKMMyvVegsi3xCsKyk3Z3jV'],
    });
    for (const wrong of [{ MOCK_CHUNK_SIZES: '0' }, { MOCK_CHUNK_SIZES: '1000,' }, { MOCK_WHITELIST: '19qVgG8C6eXw' }])
      expect(() => readConfig({ env: wrong })).toThrow(Object.keys(wrong)[0]);
  });

  it('reads the control token from a file', () => {
    const folder = mkdtempSync(join(tmpdir(), 'mock-config-'));
    const path = join(folder, 'token');
    writeFileSync(path, 'open-sesame\n');
    expect(readConfig({ env: { MOCK_CONTROL_TOKEN_FILE: path } }).controlToken).toBe('open-sesame');
    rmSync(folder, { recursive: true });
  });

  it('converts seconds with fractions to whole milliseconds', () => {
    expect(readConfig({ env: { MOCK_INTERVAL: '1.001' } }).intervalMs).toBe(1_001);
    expect(readConfig({ env: { MOCK_INTERVAL: '31536000' } }).intervalMs).toBe(31_536_000_000);
  });

  it.each([
    [{ MOCK_PORT: '65536' }, 'MOCK_PORT: expected a port from 0 to 65535 (got "65536")'],
    [{ MOCK_PORT: '80x' }, 'MOCK_PORT: expected a port from 0 to 65535 (got "80x")'],
    [{ MOCK_SEED: 's'.repeat(201) }, `MOCK_SEED: expected 1 to 200 characters (got "${'s'.repeat(100)}…")`],
    [{ MOCK_INTERVAL: 'soon' }, 'MOCK_INTERVAL: expected seconds from 1 to 31536000 (got "soon")'],
    [{ MOCK_INTERVAL: '0' }, 'MOCK_INTERVAL: expected seconds from 1 to 31536000 (got "0")'],
    [{ MOCK_INTERVAL: '-5' }, 'MOCK_INTERVAL: expected seconds from 1 to 31536000 (got "-5")'],
    [{ MOCK_INTERVAL: 'NaN' }, 'MOCK_INTERVAL: expected seconds from 1 to 31536000 (got "NaN")'],
    [{ MOCK_INTERVAL: '9'.repeat(80) }, 'expected seconds from 1 to 31536000'],
    [{ MOCK_MAX_CONTRACTS: '-1' }, 'MOCK_MAX_CONTRACTS: expected an integer from 0 to 1000000 (got "-1")'],
    [{ MOCK_MAX_FAILURES: '0' }, 'MOCK_MAX_FAILURES: expected an integer from 1 to 1000000 (got "0")'],
    [{ MOCK_CONTRACT_FORM: 'paper' }, 'MOCK_CONTRACT_FORM: expected secret or url (got "paper")'],
    [{ MOCK_STATE: '~/node.db' }, 'MOCK_STATE: expected the path of a file (got "~/node.db": ~ is not expanded here'],
    [{ MOCK_FILES: '$HOME/files' }, 'variables are not expanded'],
    [{ MOCK_SCENARIO: 'http://x/y.yaml' }, 'write a path instead of a URL'],
    [{ MOCK_SEED: "'42'" }, 'MOCK_SEED: expected 1 to 200 characters (got "\'42\'": remove the quotes)'],
    [{ MOCK_GENESIS: '/tmp/x' }, 'MOCK_GENESIS_SHA256 is not set, but MOCK_GENESIS is'],
    [{ MOCK_GENESIS_SHA256: 'a'.repeat(64) }, 'MOCK_GENESIS is not set, but MOCK_GENESIS_SHA256 is'],
    [{ MOCK_GENESIS: '/tmp/x', MOCK_GENESIS_SHA256: 'ABC' }, 'MOCK_GENESIS_SHA256: expected 64 lowercase hex'],
  ])('rejects %j and names the variable, the value and what is allowed', (env, message) => {
    expect(() => readConfig({ env })).toThrow(message);
  });

  it('resolves paths', () => {
    const env = { MOCK_STATE: 'node.db', MOCK_FILES: 'files', MOCK_SCENARIO: 'faults.yaml' };
    expect(readConfig({ env })).toMatchObject({
      statePath: resolve('node.db'),
      files: resolve('files'),
      scenarioPath: resolve('faults.yaml'),
    });
  });

  it('also checks the options of a node in this process: a genesis file requires its hash', async () => {
    await expect(startMockNode({ port: 0, genesisPath: '/tmp/x' })).rejects.toThrow(
      'MOCK_GENESIS_SHA256 is not set, but MOCK_GENESIS is',
    );
  });
});
