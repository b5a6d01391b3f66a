import { spawn } from 'node:child_process';
import { createCipheriv, createHash, createHmac } from 'node:crypto';
import { once } from 'node:events';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { request as rawRequest } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { type MockNode, startMockNode } from '@downstream/mock-node';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';

/** No schema or helper of ours here: what a stranger's client would send and compute. */
const ADDRESS = '19qVgG8C6eXwKMMyvVegsi3xCsKyk3Z3jV';
const API = '/api/downstream';
const GENESIS = Buffer.alloc(50_000, 'genesis');
const sha256 = (...parts: (Buffer | string)[]) => {
  const hash = createHash('sha256');
  for (const part of parts) hash.update(part);
  return hash.digest('hex');
};
const chunkOf = (secret: string) => {
  const key = createHmac('sha256', secret).update(sha256(GENESIS)).digest();
  return createCipheriv('aes-256-ctr', key, Buffer.from('00000000000000000000000000000001', 'hex')).update(GENESIS);
};

let folder: string;
let now: number;
let node: MockNode;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'mock-node-'));
  writeFileSync(join(folder, 'genesis'), GENESIS);
  mkdirSync(join(folder, 'files'));
  now = 1_000_000;
});
afterEach(async () => {
  await node?.close();
  rmSync(folder, { recursive: true });
});

async function start(options: Parameters<typeof startMockNode>[0] = {}): Promise<void> {
  const own = {
    port: 0,
    genesisPath: join(folder, 'genesis'),
    genesisSha256: sha256(GENESIS),
    files: join(folder, 'files'),
  };
  node = await startMockNode({ ...own, ...options }, () => now);
}
async function get(path: string, method = 'GET', body?: string) {
  const response = await fetch(node.url + path, { method, ...(body !== undefined && { body }) });
  const text = await response.text();
  return { code: response.status, text, json: text.startsWith('{') ? JSON.parse(text) : undefined };
}
/** Sends a path to the letter: `fetch` would tidy it first. */
async function getRaw(path: string): Promise<{ code: number | undefined; text: string }> {
  return await new Promise((resolve, reject) => {
    const { hostname, port } = new URL(node.url);
    rawRequest({ hostname, port, path }, (response) => {
      let text = '';
      response.on('data', (piece) => {
        text += piece;
      });
      response.on('end', () => resolve({ code: response.statusCode, text }));
    })
      .on('error', reject)
      .end();
  });
}
const newToken = async (): Promise<string> => (await get(`${API}/new/${ADDRESS}`)).json.token;

describe('contracts', () => {
  it('are given, proved, listed and removed, as any client can check by itself', async () => {
    await start();
    expect(await get('/')).toMatchObject({ code: 200, json: { msg: 'ok' } });
    const token = await newToken();
    expect(token).toMatch(/^[0-9a-f]{32}$/);
    const { json: contract } = await get(`${API}/chunk/${token}`);
    expect(Object.keys(contract).sort()).toEqual(['challenge', 'file_hash', 'interval', 'secret']);
    expect(contract.interval).toBe(60);
    const chunk = chunkOf(contract.secret);
    expect(sha256(chunk)).toBe(contract.file_hash);
    expect((await get(`${API}/due/${token}`)).json).toEqual({
      all_contracts: [{ hash: contract.file_hash }],
      due_contracts: [{ hash: contract.file_hash, challenge: contract.challenge }],
    });
    const answer = `${API}/challenge/${token}/${contract.file_hash}`;
    expect((await get(`${answer}/${sha256(chunk, contract.challenge)}`)).json).toEqual({ status: 'pass' });
    expect((await get(`${answer}/${'0'.repeat(64)}`)).json).toEqual({ status: 'fail' });
    expect((await get(`${API}/due/${token}`)).json.due_contracts).toEqual([]);
    now += 60_000;
    expect((await get(`${answer}/${sha256(chunk, contract.challenge)}`)).json).toEqual({ status: 'fail' });
    expect((await get(`${API}/remove/${token}/${contract.file_hash}`, 'DELETE')).json).toEqual({ status: 'ok' });
    expect((await get(`${API}/remove/${token}/${contract.file_hash}`)).json).toEqual({ status: 'no_hash' });
  });

  it('by URL have bytes that hash to their name', async () => {
    await start({ contractForm: 'url' });
    const { json: contract } = await get(`${API}/chunk/${await newToken()}`);
    expect(contract.secret).toBeUndefined();
    expect(contract.url).toBe(`${node.url}${API}/download/${contract.file_hash}`);
    const bytes = Buffer.from(await (await fetch(contract.url)).arrayBuffer());
    expect(bytes).toHaveLength(GENESIS.length);
    expect(sha256(bytes)).toBe(contract.file_hash);
  });

  it('run out, and come back when one is removed', async () => {
    await start({ maxContracts: 1 });
    const token = await newToken();
    const { json: contract } = await get(`${API}/chunk/${token}`);
    expect((await get(`${API}/chunk/${token}`)).json).toEqual({ status: 'no_chunks' });
    await get(`${API}/remove/${token}/${contract.file_hash}`);
    expect((await get(`${API}/chunk/${token}`)).json).toHaveProperty('file_hash');
  });

  it.each(['chunk/nobody', 'due/nobody', `challenge/nobody/${'a'.repeat(64)}/x`, `remove/nobody/${'a'.repeat(64)}`])(
    'are not for strangers: %s',
    async (path) => {
      await start();
      expect((await get(`${API}/${path}`)).json).toEqual({ status: 'no_token' });
    },
  );

  it.each(['nobody', '19qVgG8C6eXwKMMyvVegsi3xCsKyk3Z3jW', '3J98t1WpEZ73CNmQviecrnyiWrnqRhWNLy', 'x'.repeat(5_000)])(
    'are not for the address %s',
    async (address) => {
      await start();
      expect(await get(`${API}/new/${address}`)).toMatchObject({ code: 400, json: { status: 'error' } });
    },
  );

  it('repeat with the seed: same tokens, secrets, hashes and challenges in the same order', async () => {
    const run = async (seed: string) => {
      await start({ seed });
      const token = await newToken();
      const seen: unknown[] = [token];
      for (let n = 0; n < 3; n++) seen.push((await get(`${API}/chunk/${token}`)).json);
      now += 60_000;
      seen.push((await get(`${API}/due/${token}`)).json);
      await node.close();
      return seen;
    };
    const first = await run('a');
    expect(await run('a')).toEqual(first);
    expect(await run('b')).not.toEqual(first);
  });

  it('stay apart when many ask at once', async () => {
    await start();
    const token = await newToken();
    const contracts = await Promise.all(
      Array.from({ length: 20 }, async () => (await get(`${API}/chunk/${token}`)).json),
    );
    expect(new Set(contracts.map(({ file_hash }) => file_hash)).size).toBe(20);
    for (const { secret, file_hash } of contracts) expect(sha256(chunkOf(secret))).toBe(file_hash);
  });
});

describe('file ownership', () => {
  const CONTENT = Buffer.from('0123456789'.repeat(2_000));
  const answerTo = (block: number, seed: string) => {
    const wanted = Math.min(1024, Math.floor(CONTENT.length / 10));
    const over = Math.max(0, block - (CONTENT.length - wanted));
    const data =
      over === 0
        ? CONTENT.subarray(block, block + wanted)
        : Buffer.concat([CONTENT.subarray(block, block + over), CONTENT.subarray(0, wanted - over)]);
    return sha256(data, seed);
  };
  const post = async (body: unknown, name = 'file') =>
    await get(`${API}/challenges/answer/${name}`, 'POST', typeof body === 'string' ? body : JSON.stringify(body));
  beforeEach(() => writeFileSync(join(folder, 'files', 'file'), CONTENT));

  it('is shown by any of a thousand challenges, none of which tells its answer', async () => {
    await start();
    const { json } = await get(`${API}/challenges/file`);
    expect(json.challenges).toHaveLength(1000);
    for (const challenge of json.challenges) {
      expect(Object.keys(challenge).sort()).toEqual(['block', 'filename', 'rootseed', 'seed']);
      expect(challenge.block).toBeLessThan(CONTENT.length);
    }
    const edge = json.challenges.toSorted((a: { block: number }, b: { block: number }) => b.block - a.block)[0];
    for (const { block, seed } of [json.challenges[0], json.challenges[500], edge]) {
      expect((await post({ block, seed, response: answerTo(block, seed) })).json).toEqual({ msg: 'ok', match: true });
    }
  });

  it('takes a block as text, and each challenge once', async () => {
    await start();
    const [{ block, seed }, wrong] = (await get(`${API}/challenges/file`)).json.challenges;
    const right = { block: String(block), seed, response: answerTo(block, seed) };
    expect((await post(right)).json).toEqual({ msg: 'ok', match: true });
    // The original let a challenge be answered again and again.
    expect((await post(right)).code).toBe(404);
    expect((await post({ ...wrong, filename: undefined, rootseed: undefined, response: '0'.repeat(64) })).json).toEqual(
      { msg: 'ok', match: false },
    );
    expect((await get(`${API}/challenges/file`)).json.challenges).toHaveLength(1000);
  });

  interface Recorded {
    note: string;
    request: { method: string; path: string; body: string | null };
    response: { status: number; json?: unknown };
  }
  const recorded: Recorded[] = JSON.parse(
    readFileSync(new URL('fixtures/ownership-2014-09.json', import.meta.url), 'utf8'),
  );
  // Answers on the original's own file have other challenges here.
  const replayable = recorded.filter(({ note }) => !/right|wrong response/.test(note));

  it.each(replayable)('answers as the original of 2014 did: $note', async ({ request, response }) => {
    await start();
    const { code, json } = await get(
      request.path.replace('thirty-two_meg.testfile', 'file'),
      request.method,
      request.body ?? undefined,
    );
    expect(code).toBe(response.status);
    if (response.json !== undefined) expect(json).toEqual(response.json);
  });

  it.each([
    ['no JSON object', '[1]', 400],
    ['a text', '"x"', 400],
    ['broken JSON', '{"block":', 400],
    ['a body of a megabyte', `{"seed":"${'x'.repeat(1_000_000)}"}`, 413],
    ['a negative block', '{"block":-1,"seed":"s","response":"r"}', 404],
    ['a block that is an object', '{"block":{},"seed":"s","response":"r"}', 404],
    ['a seed that is a list', '{"block":1,"seed":[],"response":"r"}', 404],
  ])('survives %s', async (_, body, code) => {
    await start();
    expect((await post(body)).code).toBe(code);
    expect((await get('/healthz')).code).toBe(200);
  });

  it.each([
    '..%2fsecret',
    '%2e%2e%2fsecret',
    '../secret',
    '..%5csecret',
    '%2fetc%2fpasswd',
    'file%00',
    '.hidden',
    'link-out',
    'folder',
    '.',
    '..',
    'x'.repeat(10_000),
    '%',
    '%ff',
  ])('serves nothing outside its folder: %s', async (name) => {
    writeFileSync(join(folder, 'secret'), 'top secret');
    writeFileSync(join(folder, 'files', '.hidden'), 'hidden');
    mkdirSync(join(folder, 'files', 'folder'));
    symlinkSync(join(folder, 'secret'), join(folder, 'files', 'link-out'));
    await start();
    for (const path of [`${API}/challenges/${name}`, `${API}/download/${name}`]) {
      const { code, text } = await getRaw(path);
      expect([400, 404, 414]).toContain(code);
      expect(text).not.toMatch(/secret|root:|hidden|rootseed/);
    }
  });

  it('is for no file where no folder was given', async () => {
    await start({ files: undefined });
    expect((await get(`${API}/challenges/file`)).code).toBe(404);
  });
});

describe('the node', () => {
  it('counts what it did, with nothing secret in a label', async () => {
    await start();
    const before = (await get('/metrics')).text;
    for (const result of ['passed', 'wrong', 'unanswered'])
      expect(before).toContain(`mock_node_challenges_total{result="${result}"} 0`);
    const token = await newToken();
    const { json: contract } = await get(`${API}/chunk/${token}`);
    await get(
      `${API}/challenge/${token}/${contract.file_hash}/${sha256(chunkOf(contract.secret), contract.challenge)}`,
    );
    const after = (await get('/metrics')).text;
    expect(after).toContain('mock_node_challenges_total{result="passed"} 1');
    expect(after).toContain('mock_node_contracts 1');
    expect(after).toContain('mock_node_requests_total{route="/chunk/:token",code="200"} 1');
    for (const secret of [token, contract.file_hash, ADDRESS]) expect(after).not.toContain(secret);
  });

  it('has no other routes', async () => {
    await start();
    expect((await get('/etc/passwd')).code).toBe(404);
    expect((await get(`${API}/challenge/x`)).code).toBe(404);
  });

  it('refuses a genesis file of another hash', async () => {
    await expect(
      startMockNode({ port: 0, genesisPath: join(folder, 'genesis'), genesisSha256: 'a'.repeat(64) }),
    ).rejects.toMatchObject({ code: 'wrong_hash' });
    await expect(
      startMockNode({ port: 0, genesisPath: join(folder, 'absent'), genesisSha256: 'a'.repeat(64) }),
    ).rejects.toMatchObject({ code: 'unreadable' });
  });

  it('says when its port is taken', async () => {
    await start();
    await expect(startMockNode({ port: node.port })).rejects.toMatchObject({
      code: 'port_taken',
      message: expect.stringContaining('MOCK_PORT'),
    });
  });

  const run = (env: Record<string, string>) =>
    spawn(process.execPath, ['--conditions=source', fileURLToPath(new URL('../src/main.ts', import.meta.url))], {
      env: { PATH: process.env['PATH'], ...env },
    });

  it('as a process says one line when it is ready, and ends cleanly on SIGTERM', async () => {
    const child = run({ MOCK_PORT: '0', MOCK_SEED: '7' });
    const [line] = await once(child.stdout, 'data');
    expect(String(line)).toMatch(/^mock-node ready api=:\d+ seed=7\n$/);
    child.kill('SIGTERM');
    expect(await once(child, 'exit')).toEqual([0, null]);
  });

  it('as a process refuses a wrong setting, naming variable, value and what is allowed', async () => {
    const child = run({ MOCK_INTERVAL: 'soon' });
    const [line] = await once(child.stderr, 'data');
    expect(String(line)).toContain('MOCK_INTERVAL is "soon": give seconds');
    expect(await once(child, 'exit')).toEqual([2, null]);
  });
});
