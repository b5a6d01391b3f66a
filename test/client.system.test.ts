import { createHash } from 'node:crypto';
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DownstreamClient } from '@downstream/farmer';
import { randomio } from '@downstream/file-encryptor';
import { startMockNode } from '@downstream/mock-node';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';

const ADDRESS = '19qVgG8C6eXwKMMyvVegsi3xCsKyk3Z3jV';
const GENESIS = Buffer.concat([...randomio('client', 16_384)]);
const SHA256 = createHash('sha256').update(GENESIS).digest('hex');

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'client-'));
  writeFileSync(join(folder, 'genesis'), GENESIS);
});
afterEach(() => rmSync(folder, { recursive: true }));

const aNode = (options = {}) =>
  startMockNode({
    port: 0,
    intervalMs: 60_000,
    genesisPath: join(folder, 'genesis'),
    genesisSha256: SHA256,
    ...options,
  });
const aClient = () =>
  new DownstreamClient({
    address: ADDRESS,
    path: join(folder, 'farm'),
    genesis: { path: join(folder, 'genesis'), sha256: SHA256 },
  });

describe('DownstreamClient', () => {
  it.each(['secret', 'url'] as const)('accepts, proves and releases a contract by %s', async (contractForm) => {
    const node = await aNode({ contractForm });
    await using client = aClient();
    expect(await client.connect(node.url)).toMatch(/^[0-9a-f]{32}$/);
    const contract = await client.getChunk(join(folder, 'elsewhere'));
    if (contract === undefined) throw new Error('no contract');
    const { hash, path, challenge, intervalMs } = contract;
    expect({ path, intervalMs }).toEqual({ path: join(folder, 'elsewhere', 'chunks', hash), intervalMs: 60_000 });
    expect(createHash('sha256').update(readFileSync(path)).digest('hex')).toBe(hash);
    expect(await client.getChallenges()).toEqual([{ hash, challenge }]);
    expect(await client.answer(hash, await client.challenge(hash, challenge))).toBe(true);
    expect(await client.getChallenges()).toEqual([]);
    expect(await client.answer(hash, 'f'.repeat(64))).toBe(false);
    await client.removeChunk(hash);
    expect(existsSync(path)).toBe(false);
    await expect(client.answer(hash, 'f'.repeat(64))).rejects.toMatchObject({ code: 'no_hash' });
    await client.removeChunk(hash);
    await node.close();
  });

  it('generates the chunk of a secret without a node', async () => {
    await using client = aClient();
    client.storePath(join(folder, 'made'));
    const { hash, path } = await client.genChunk('d9fc3360c7');
    expect(createHash('sha256').update(readFileSync(path)).digest('hex')).toBe(hash);
    await expect(client.challenge('../../etc/passwd', '0.1')).rejects.toThrow();
  });

  it('reports a missing connection and a missing contract', async () => {
    await using client = aClient();
    await expect(client.getChunk()).rejects.toMatchObject({ code: 'not_connected' });
    const node = await aNode({ maxContracts: 0 });
    await client.connect(node.url);
    expect(await client.getChunk()).toBeUndefined();
    await node.close();
  });

  it('runs the example of docs/library.md', async () => {
    const node = await aNode();
    const guide = readFileSync(new URL('../docs/library.md', import.meta.url), 'utf8');
    const example = /```ts\n([\s\S]*?)```/.exec(guide)?.[1] ?? '';
    expect(example).toContain("from '@downstream/farmer'");
    const body = example
      .replace(/^import .*$/m, '')
      .replaceAll('http://localhost:5000', node.url)
      .replaceAll("'./farm'", JSON.stringify(join(folder, 'example')))
      .replaceAll('console.log', 'print');
    const printed: unknown[] = [];
    // A small genesis file makes the example fast.
    class Client extends DownstreamClient {
      constructor(options: ConstructorParameters<typeof DownstreamClient>[0]) {
        super({ ...options, genesis: { path: join(folder, 'genesis'), sha256: SHA256 } });
      }
    }
    const AsyncFunction: FunctionConstructor = Object.getPrototypeOf(async () => {}).constructor;
    await new AsyncFunction('DownstreamClient', 'print', body)(Client, (line: unknown) => printed.push(line));
    expect(printed).toEqual(['passed']);
    await node.close();
  });
});
