import { rmSync } from 'node:fs';
import { startMockNode } from '@downstream/mock-node';
import { describe, expect, it } from '@jest/globals';
import { ADDRESS, API, createChunk, INTERVAL_MS, setUpMockNode, sha256 } from './support/mock-node.ts';

const { start, url, get, pass, log, newToken, acceptContract, path: filePath } = setUpMockNode();
const metrics = async () => (await get('/metrics')).text;

describe('the metrics of the node', () => {
  it('export every result as 0 from the start', async () => {
    await start();
    const text = await metrics();
    for (const result of ['passed', 'wrong', 'unanswered'])
      expect(text).toContain(`mock_node_challenges_total{result="${result}"} 0\n`);
    for (const gauge of [
      'mock_node_contracts{state="due"}',
      'mock_node_contracts{state="settled"}',
      'mock_node_farmers',
    ])
      expect(text).toContain(`\n${gauge} 0\n`);
    expect(text).toContain('# TYPE mock_node_requests_total counter');
    expect(text).toContain('process_cpu_seconds_total');
  });

  it('count requests, challenges and contracts without secrets in labels', async () => {
    await start();
    const token = await newToken();
    const { secret, file_hash: hash, challenge } = await acceptContract(token);
    const response = sha256(createChunk(secret), challenge);
    await get(`${API}/challenge/${token}/${hash}/${response}`);
    await get(`${API}/challenge/${token}/${hash}/${response}`);
    await get(`${API}/due/${token}`);
    await get(`${API}/download/${hash}`);
    pass(INTERVAL_MS);
    await get(`${API}/challenge/${token}/${hash}/${response}`);
    const text = await metrics();
    expect(text).toContain('mock_node_challenges_total{result="passed"} 1\n');
    expect(text).toContain('mock_node_challenges_total{result="wrong"} 1\n');
    expect(text).toContain('mock_node_contracts{state="settled"} 1\n');
    expect(text).toContain('mock_node_farmers 1\n');
    expect(text).toContain('mock_node_requests_total{route="chunk",code="200"} 1\n');
    for (const own of [token, hash, response, secret, challenge, ADDRESS]) expect(text).not.toContain(own);
  });

  it('count unanswered challenges without any request', async () => {
    await start({ maxFailures: 3 });
    await acceptContract(await newToken());
    pass(2 * INTERVAL_MS);
    expect(await metrics()).toContain('mock_node_challenges_total{result="unanswered"} 2\n');
    pass(2 * INTERVAL_MS);
    const text = await metrics();
    expect(text).toContain('mock_node_challenges_total{result="unanswered"} 3\n');
    expect(text).toContain('mock_node_contracts{state="due"} 0\n');
  });

  it('use one label for all unknown routes', async () => {
    await start();
    for (let n = 0; n < 5; n++) await get(`/no-such-route-${n}`);
    const text = await metrics();
    expect(text).toContain('mock_node_requests_total{route="unknown",code="404"} 5\n');
    expect(text).not.toContain('no-such-route');
  });
});

describe('a request for a route that changes the state', () => {
  it.each(['HEAD', 'OPTIONS'])('is rejected with the method %s', async (method) => {
    await start();
    const token = await newToken();
    const { file_hash: hash } = await acceptContract(token);
    const before = await metrics();
    for (const path of [
      `new/${ADDRESS}`,
      `chunk/${token}`,
      `challenge/${token}/${hash}/x`,
      `remove/${token}/${hash}`,
    ]) {
      expect((await fetch(`${url()}${API}/${path}`, { method })).ok).toBe(false);
    }
    const state = (text: string) =>
      text.split('\n').filter((line) => /^mock_node_(challenges|contracts|farmers)/.test(line));
    expect(state(await metrics())).toEqual(state(before));
  });

  it.each([
    ['Origin', 'https://evil.example'],
    ['Origin', 'null'],
    ['Sec-Fetch-Site', 'cross-site'],
    ['Sec-Fetch-Site', 'same-site'],
    ['Sec-Fetch-Site', 'same-origin'],
  ])('is rejected if a web page sent it: %s: %s', async (name, value) => {
    await start();
    expect(await get(`${API}/new/${ADDRESS}`, { headers: { [name]: value } })).toMatchObject({
      code: 403,
      json: { status: 'error', message: 'Requests from web pages are rejected.' },
    });
    expect(await metrics()).toContain('mock_node_farmers 0\n');
  });

  it('is accepted if a person entered its address in a browser', async () => {
    await start();
    expect(await get(`${API}/new/${ADDRESS}`, { headers: { 'Sec-Fetch-Site': 'none' } })).toMatchObject({ code: 200 });
  });
});

describe('the API server', () => {
  it('is healthy', async () => {
    await start();
    expect(await get('/healthz')).toMatchObject({ code: 200, json: { status: 'ok' } });
  });

  it.each(['/etc/passwd', `${API}/challenge/x`, API, `${API}/new`, '/api/downstream/v2/x'])(
    'responds with 404 to %s',
    async (path) => {
      await start();
      expect(await get(path)).toMatchObject({ code: 404, json: { status: 'error' } });
    },
  );

  it('does not reveal its framework', async () => {
    await start();
    expect((await fetch(url())).headers.get('x-powered-by')).toBeNull();
  });

  it('rejects a genesis file that is missing or has another hash', async () => {
    const genesisSha256 = 'a'.repeat(64);
    await expect(startMockNode({ port: 0, genesisPath: filePath('genesis'), genesisSha256 })).rejects.toMatchObject({
      code: 'wrong_hash',
      message: expect.stringContaining('MOCK_GENESIS'),
    });
    await expect(startMockNode({ port: 0, genesisPath: filePath('absent'), genesisSha256 })).rejects.toMatchObject({
      code: 'unreadable',
    });
  });
});

describe('the log of the node', () => {
  it("contains each request with the client's id and its route, without secrets", async () => {
    await start();
    const token = await newToken();
    const { id } = await get(`${API}/due/${token}`, { headers: { 'X-Request-Id': 'mine-1' } });
    expect(id).toBe('mine-1');
    expect(log().at(-1)).toEqual({
      level: 'debug',
      message: 'request served',
      fields: { request: 'mine-1', method: 'GET', route: 'due', code: 200, seconds: expect.any(Number) },
    });
    expect(JSON.stringify(log())).not.toContain(token);
  });

  it.each([undefined, 'a b', 'x'.repeat(65), '<script>'])(
    'contains a generated id if the client sends %p',
    async (given) => {
      await start();
      const { id } = await get('/healthz', given === undefined ? {} : { headers: { 'X-Request-Id': given } });
      expect(id).toMatch(/^[0-9a-f]{12}$/);
    },
  );

  it('contains the reason of a failed request, which the response does not', async () => {
    await start();
    const token = await newToken();
    rmSync(filePath('genesis'));
    const { code, text, id } = await get(`${API}/chunk/${token}`);
    expect({ code, text }).toEqual({ code: 500, text: '{"status":"error","message":"internal error"}' });
    const failed = log().find(({ message }) => message === 'request failed');
    expect(failed).toMatchObject({ level: 'error', fields: { request: id, route: 'chunk' } });
    expect(failed?.fields['error']).toMatchObject({ code: 'ENOENT' });
  });
});
