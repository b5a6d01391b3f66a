import { expect } from '@jest/globals';
import { API, createChunk, GENESIS_BYTES, setUpMockNode, sha256 } from '../../support/mock-node.ts';
import { ask, requestLargeBody, talk, until } from '../../support/raw-client.ts';
import { createV1Farmer, V1, V1_OPTIONS } from '../../support/v1-farmer.ts';
import { testEffects } from './test-effects.ts';

const { start, url, get, fault, controller, newToken, acceptContract, nextWait, close } = setUpMockNode({
  holdsWaits: true,
});
const COMPLETE = '{"msg":"ok"}';
const MIB = 1024 * 1024;

/** The path of a new contract's download, and its chunk. */
async function startDownload(): Promise<{ path: string; chunk: Buffer }> {
  const { secret, file_hash: hash } = await acceptContract(await newToken());
  return { path: `${API}/download/${hash}`, chunk: createChunk(secret) };
}

/** Ends the next waits of the node. @returns their lengths */
async function endWaits(count: number): Promise<number[]> {
  const lengths: number[] = [];
  for (let n = 0; n < count; n++) {
    const { ms, end } = await nextWait();
    lengths.push(ms);
    end();
  }
  return lengths;
}

/** The head and the body of an HTTP response. */
function parts(text: string): { head: string; body: string } {
  const [head = '', ...rest] = text.split('\r\n\r\n');
  return { head: head.toLowerCase(), body: rest.join('\r\n\r\n') };
}

/** The chunks of a body with chunked encoding. */
function splitChunks(text: string): string[] {
  return [...parts(text).body.matchAll(/([0-9a-f]+)\r\n([\s\S]*?)\r\n/g)].map(([, , chunk = '']) => chunk);
}

testEffects('response', {
  truncate: {
    'announces the full length and closes the connection early': async () => {
      await start();
      fault({ effect: { kind: 'truncate', afterBytes: 4 } });
      const { text } = await talk(url(), '/');
      const { head, body } = parts(text);
      expect(head).toContain(`content-length: ${COMPLETE.length}`);
      expect(body).toBe(COMPLETE.slice(0, 4));
      expect(await ask(url(), '/')).toMatchObject({ status: 200, error: 'ECONNRESET' });
    },
    'sends half of the body by default': async () => {
      await start();
      fault({ effect: 'truncate' });
      expect(parts((await talk(url(), '/')).text).body).toBe(COMPLETE.slice(0, 6));
    },
    'sends any number of bytes but never the last one': async () => {
      await start();
      for (const [afterBytes, kept] of [
        [0, ''],
        [11, COMPLETE.slice(0, 11)],
        [12, COMPLETE.slice(0, 11)],
        [1_000, COMPLETE.slice(0, 11)],
      ] as const) {
        controller().faults.removeAll();
        fault({ effect: { kind: 'truncate', afterBytes } });
        const { text } = await talk(url(), '/');
        expect(parts(text).head).toContain('content-length: 12');
        expect(parts(text).body).toBe(kept);
      }
    },
    'also truncates downloads, so that clients notice': async () => {
      await start();
      const { path, chunk } = await startDownload();
      fault({ effect: { kind: 'truncate', afterBytes: 10_000 } });
      const { status, body, error } = await ask(url(), path);
      expect({ status, error }).toEqual({ status: 200, error: 'ECONNRESET' });
      expect(body.equals(chunk.subarray(0, 10_000))).toBe(true);
      controller().faults.removeAll();
      fault({ effect: { kind: 'truncate', afterBytes: GENESIS_BYTES } });
      expect(await ask(url(), path)).toMatchObject({ status: 200, error: 'ECONNRESET' });
    },
    'processes the request first': async () => {
      await start();
      const token = await newToken();
      fault({ match: { route: 'chunk' }, effect: 'truncate' });
      expect((await ask(url(), `${API}/chunk/${token}`)).error).toBe('ECONNRESET');
      expect((await get(`${API}/due/${token}`)).json.all_contracts).toHaveLength(1);
    },
  },

  malformed_json: {
    'sends complete HTTP with invalid JSON': async () => {
      await start();
      const token = await newToken();
      fault({ effect: 'malformed_json' });
      for (const path of ['/', `${API}/chunk/${token}`, `${API}/due/${token}`, `${API}/new/unknown`]) {
        const { error, headers, body } = await ask(url(), path);
        expect(error).toBeUndefined();
        expect(headers).toMatchObject({
          'content-type': 'application/json; charset=utf-8',
          'content-length': String(body.length),
        });
        expect(body.toString()).toMatch(/^\{/);
        expect(() => JSON.parse(body.toString())).toThrow(SyntaxError);
      }
    },
  },

  garbage: {
    'sends valid HTTP with a random body of the configured size': async () => {
      await start();
      fault({ effect: { kind: 'garbage', bytes: 1_000 } });
      const { status, error, body, headers } = await ask(url(), '/');
      expect({ status, error, bytes: body.length }).toEqual({ status: 200, error: undefined, bytes: 1_000 });
      expect(headers['content-type']).toBe('application/json; charset=utf-8');
      expect(() => JSON.parse(body.toString())).toThrow(SyntaxError);
    },
    'sends no HTTP if it replaces the response': async () => {
      await start();
      fault({ effect: { kind: 'garbage', replaces: 'response', bytes: 5_000 } });
      expect((await ask(url(), '/')).error).toMatch(/^HPE_/);
      const { text, bytes, end } = await talk(url(), '/');
      expect({ bytes, end }).toEqual({ bytes: 5_000, end: 'closed' });
      expect(text).not.toContain('HTTP');
    },
    'sends the same bytes again with the same seed, and others for each request and fault': async () => {
      const noise = async (seed: string, name = 'noise') => {
        await start({ seed });
        fault({ name, effect: 'garbage' });
        return [(await ask(url(), '/')).body.toString('hex'), (await ask(url(), '/')).body.toString('hex')];
      };
      const first = await noise('a');
      expect(await noise('a')).toEqual(first);
      expect(new Set([...first, ...(await noise('b')), ...(await noise('a', 'other'))]).size).toBe(6);
    },
  },

  dribble: {
    'sends the body in `pieces` over `overMs`': async () => {
      await start();
      fault({ effect: { kind: 'dribble', pieces: 5, overMs: 400 } });
      let soFar = '';
      const talking = talk(url(), '/', { onText: (received) => (soFar = received) });
      for (let count = 1; count < 5; count++) {
        const wait = await nextWait();
        expect(wait.ms).toBe(100);
        await until(`${count} pieces have arrived`, () => splitChunks(soFar).length === count);
        wait.end();
      }
      const { text, end } = await talking;
      const pieces = splitChunks(text);
      expect(pieces.slice(0, -1)).toHaveLength(5);
      expect(pieces.join('')).toBe(COMPLETE);
      expect(end).toBe('closed');
    },
    'sends no more pieces than bytes': async () => {
      await start();
      fault({ effect: { kind: 'dribble', pieces: 1_000, overMs: 110 } });
      const asked = ask(url(), '/');
      expect(await endWaits(COMPLETE.length - 1)).toEqual(Array.from({ length: 11 }, () => 10));
      const { status, body } = await asked;
      expect({ status, text: body.toString() }).toEqual({ status: 200, text: COMPLETE });
    },
    'sends the correct body in the end, including downloads': async () => {
      await start();
      const { path, chunk } = await startDownload();
      fault({ effect: { kind: 'dribble', pieces: 3, overMs: 60 } });
      const asked = ask(url(), path);
      expect(await endWaits(2)).toEqual([30, 30]);
      const { error, body } = await asked;
      expect(error).toBeUndefined();
      expect(sha256(body)).toBe(sha256(chunk));
    },
    'does not delay the closing of the node': async () => {
      await start();
      fault({ effect: { kind: 'dribble', overMs: 60_000 } });
      const seen = talk(url(), '/');
      const { isAborted } = await nextWait();
      await close();
      expect((await seen).text).toContain('200 OK');
      await until('the wait has ended', isAborted);
    },
  },

  oversize: {
    'sends valid JSON of at least `bytes`': async () => {
      await start();
      fault({ effect: { kind: 'oversize', bytes: 100_000 } });
      const { status, error, body } = await ask(url(), '/');
      expect({ status, error }).toEqual({ status: 200, error: undefined });
      expect(body.length).toBeGreaterThanOrEqual(100_000);
      expect(JSON.parse(body.toString())).toEqual({ msg: 'ok' });
    },
    'never shortens the body': async () => {
      await start();
      fault({ effect: { kind: 'oversize', bytes: 1 } });
      expect((await ask(url(), '/')).body.toString()).toBe(COMPLETE);
    },
    'does not use memory for the padding': async () => {
      await start();
      fault({ effect: { kind: 'oversize', bytes: 192 * MIB } });
      const before = process.memoryUsage().rss;
      const { bytes, last } = await requestLargeBody(url(), '/');
      expect(bytes).toBeGreaterThanOrEqual(192 * MIB);
      expect(last).toBe(' '.repeat(16));
      expect(process.memoryUsage().rss - before).toBeLessThan(128 * MIB);
    },
  },

  amplify: {
    'replaces each value by a long list of valid JSON': async () => {
      await start();
      const token = await newToken();
      for (const shape of ['numbers', 'objects', 'text'] as const) {
        controller().faults.removeAll();
        fault({ effect: { kind: 'amplify', shape, bytes: MIB } });
        const { body } = await ask(url(), `${API}/due/${token}`);
        const { all_contracts: all, due_contracts: due } = JSON.parse(body.toString());
        expect([all, due].every(Array.isArray)).toBe(true);
        expect(body.length).toBeGreaterThanOrEqual(MIB);
      }
    },
    'nests lists without an end': async () => {
      await start();
      const token = await newToken();
      fault({ effect: { kind: 'amplify', shape: 'nesting', bytes: 1_000 } });
      expect((await ask(url(), `${API}/due/${token}`)).body.toString()).toContain('['.repeat(500));
    },
  },

  large_tag: {
    'sends the first chunk with a tag of the configured size, and the others unchanged': async () => {
      for (const scheme of ['merkle', 'swizzle'] as const) {
        await start({ ...V1_OPTIONS, scheme });
        fault({ effect: { kind: 'large_tag', bytes: MIB } });
        const [first, second] = (await createV1Farmer(get, 2)).chunks;
        expect(first).toMatchObject({ file_hash: 1, size: 2_000, due: 60, seed: expect.any(String) });
        expect(Math.abs(JSON.stringify(first.tag).length / MIB - 1)).toBeLessThan(0.1);
        expect(typeof first.tag).toBe(typeof second.tag);
        expect(JSON.stringify(second.tag).length).toBeLessThan(10_000);
      }
    },
    'changes no response without chunks': async () => {
      await start(V1_OPTIONS);
      fault({ effect: 'large_tag' });
      expect((await createV1Farmer(get, 0)).chunks).toEqual([]);
    },
    'does not use memory for the tag': async () => {
      await start(V1_OPTIONS);
      const { token } = await createV1Farmer(get, 0);
      fault({ effect: { kind: 'large_tag', bytes: 192 * MIB } });
      const before = process.memoryUsage().rss;
      const { bytes } = await requestLargeBody(url(), `${V1}/chunk/${token}/2000`);
      expect(bytes).toBeGreaterThanOrEqual(192 * MIB);
      expect(process.memoryUsage().rss - before).toBeLessThan(128 * MIB);
    },
  },

  wrong_content_type: {
    'sends the correct body with exactly the configured type': async () => {
      await start();
      fault({ effect: { kind: 'wrong_content_type', contentType: 'Text/X-Odd; a=b' } });
      const { headers, body } = await ask(url(), '/');
      expect(headers['content-type']).toBe('Text/X-Odd; a=b');
      expect(body.toString()).toBe(COMPLETE);
    },
    'sends text/html by default': async () => {
      await start();
      fault({ effect: 'wrong_content_type' });
      expect((await ask(url(), '/')).headers['content-type']).toBe('text/html');
    },
  },

  drop_response: {
    'processes the request and resets the connection before the response': async () => {
      await start();
      const token = await newToken();
      fault({ match: { route: 'chunk' }, effect: 'drop_response' });
      expect(await talk(url(), `${API}/chunk/${token}`)).toMatchObject({ text: '', end: 'ECONNRESET' });
      expect((await get(`${API}/due/${token}`)).json.all_contracts).toHaveLength(1);
    },
    'verifies an answer, so that the same answer gets its verdict when it is sent again': async () => {
      await start();
      const token = await newToken();
      const { secret, file_hash: hash, challenge } = await acceptContract(token);
      fault({ times: 1, effect: 'drop_response' });
      const path = `${API}/challenge/${token}/${hash}/${sha256(createChunk(secret), challenge)}`;
      expect((await ask(url(), path)).error).toBe('ECONNRESET');
      expect((await get(`${API}/due/${token}`)).json.due_contracts).toEqual([]);
      expect((await get(path)).json).toEqual({ status: 'pass' });
    },
  },
});
