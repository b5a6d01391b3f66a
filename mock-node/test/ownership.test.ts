import { execFileSync } from 'node:child_process';
import { mkdirSync, readFileSync, symlinkSync, truncateSync, writeFileSync } from 'node:fs';
import { gzipSync } from 'node:zlib';
import { beforeEach, describe, expect, it } from '@jest/globals';
import { API, setUpMockNode, sha256 } from './support/mock-node.ts';

const { start, get, getRaw, path: filePath } = setUpMockNode();

const CONTENT = Buffer.from('0123456789'.repeat(2_000));

interface Challenge {
  filename: string;
  rootseed: string;
  block: number;
  seed: string;
}

/** The correct response, computed from the definition of the protocol. */
function answerTo({ block, seed }: Challenge, content = CONTENT) {
  const wanted = Math.min(1024, Math.floor(content.length / 10));
  const over = Math.max(0, block - (content.length - wanted));
  const data =
    over === 0
      ? content.subarray(block, block + wanted)
      : Buffer.concat([content.subarray(block, block + over), content.subarray(0, wanted - over)]);
  return { block, seed, response: sha256(data, seed) };
}
const challengesOn = async (name: string): Promise<Challenge[]> =>
  (await get(`${API}/challenges/${name}`)).json.challenges;
async function firstOn(name: string): Promise<Challenge> {
  const [first] = await challengesOn(name);
  if (first === undefined) throw new Error('no challenge');
  return first;
}
const post = async (body: unknown, name = 'file', headers: Record<string, string> = {}) =>
  await get(`${API}/challenges/answer/${name}`, {
    method: 'POST',
    headers,
    body: typeof body === 'string' || body instanceof Uint8Array ? body : JSON.stringify(body),
  });

beforeEach(() => writeFileSync(filePath('files', 'file'), CONTENT));

describe('the ownership routes', () => {
  it('offer a thousand challenges without their responses, and verify any of them', async () => {
    await start();
    const challenges = await challengesOn('file');
    expect(challenges).toHaveLength(1000);
    expect(new Set(challenges.map(({ seed }) => seed)).size).toBe(1000);
    for (const challenge of challenges) {
      expect(Object.keys(challenge).sort()).toEqual(['block', 'filename', 'rootseed', 'seed']);
      expect(challenge.filename).toBe('file');
      expect(challenge.block).toBeLessThan(CONTENT.length);
    }
    const nearTheEnd = challenges.toSorted((a, b) => b.block - a.block)[0];
    for (const challenge of [challenges[0], challenges[500], nearTheEnd]) {
      if (challenge === undefined) throw new Error('no challenge');
      expect((await post(answerTo(challenge))).json).toEqual({ msg: 'ok', match: true });
    }
  });

  it('fail a wrong answer and use up its challenge', async () => {
    await start();
    const challenge = await firstOn('file');
    expect((await post({ ...answerTo(challenge), response: '0'.repeat(64) })).json).toEqual({
      msg: 'ok',
      match: false,
    });
    expect((await post(answerTo(challenge))).code).toBe(404);
  });

  it('accept the block as a string, and replace each answered challenge', async () => {
    await start();
    const before = await challengesOn('file');
    const right = answerTo(await firstOn('file'));
    expect((await post({ ...right, block: String(right.block) })).json).toEqual({ msg: 'ok', match: true });
    // The original accepted any number of answers to a challenge.
    expect(await post(right)).toMatchObject({ code: 404, json: { msg: 'unknown challenge' } });
    const after = await challengesOn('file');
    expect(after.slice(0, -1)).toEqual(before.slice(1));
    expect(before.map(({ seed }) => seed)).not.toContain(after.at(-1)?.seed);
  });

  it('accept one of two concurrent answers', async () => {
    await start();
    const right = answerTo(await firstOn('file'));
    const responses = await Promise.all([post(right), post(right)]);
    expect(responses.map(({ code }) => code).sort()).toEqual([200, 404]);
  });

  it('do not reopen an answered challenge when the size of the file changes back and forth', async () => {
    await start();
    const right = answerTo(await firstOn('file'));
    await post(right);
    truncateSync(filePath('files', 'file'), 100);
    const shorter = CONTENT.subarray(0, 100);
    expect((await post(answerTo(await firstOn('file'), shorter))).json).toEqual({ msg: 'ok', match: true });
    writeFileSync(filePath('files', 'file'), CONTENT);
    await challengesOn('file');
    expect((await post(right)).code).toBe(404);
  });

  it('drop the challenges of the least recently used file and do not reopen answered ones', async () => {
    await start();
    const [first, unanswered] = await challengesOn('file');
    if (first === undefined || unanswered === undefined) throw new Error('no challenge');
    const right = answerTo(first);
    await post(right);
    for (let n = 0; n < 101; n++) {
      writeFileSync(filePath('files', `other-${n}`), 'x');
      await get(`${API}/challenges/other-${n}`);
    }
    await challengesOn('file');
    expect((await post(answerTo(unanswered))).code).toBe(404);
    expect((await post(right)).code).toBe(404);
  });

  it('keep the challenges of a file that is in use', async () => {
    await start();
    const challenge = await firstOn('file');
    for (let n = 0; n < 101; n++) {
      writeFileSync(filePath('files', `other-${n}`), 'x');
      await get(`${API}/challenges/other-${n}`);
      if (n % 50 === 0) await get(`${API}/challenges/file`);
    }
    expect((await post(answerTo(challenge))).json).toEqual({ msg: 'ok', match: true });
  });

  it.each([0, 9, 10, 1_023, 10_240])('verify a file of %i bytes', async (size) => {
    const content = CONTENT.subarray(0, size);
    writeFileSync(filePath('files', 'small'), content);
    await start();
    for (const challenge of (await challengesOn('small')).slice(0, 20)) {
      expect((await post(answerTo(challenge, content), 'small')).json).toEqual({ msg: 'ok', match: true });
    }
  });

  it('offer the same challenges with the same seed', async () => {
    await start({ seed: 'a' });
    const first = await challengesOn('file');
    await start({ seed: 'a' });
    expect(await challengesOn('file')).toEqual(first);
    await start({ seed: 'b' });
    expect(await challengesOn('file')).not.toEqual(first);
  });

  it('know no file without a folder', async () => {
    await start({ files: undefined });
    expect((await get(`${API}/challenges/file`)).code).toBe(404);
  });

  it('fail at the start if the folder does not exist', async () => {
    await expect(start({ files: filePath('absent') })).rejects.toMatchObject({
      code: 'invalid_settings',
      message: expect.stringMatching(/^MOCK_FILES: expected a directory \(got ".*absent": ENOENT\)$/),
    });
    await expect(start({ files: filePath('genesis') })).rejects.toMatchObject({
      message: expect.stringContaining('MOCK_FILES: expected a directory (got "'),
    });
  });
});

interface RequestRecord {
  note: string | null;
  request: { method: string; path: string; headers: Record<string, string>; body: string | null };
  response: { status: number; json?: { challenges?: Challenge[] } };
}
const recording = (name: string): RequestRecord[] =>
  JSON.parse(readFileSync(new URL(`fixtures/${name}.json`, import.meta.url), 'utf8'));

/** Sends a recorded request for the file of the test. */
const replay = async ({ method, path, headers, body }: RequestRecord['request']) => {
  const { 'Content-Length': _, ...sent } = headers;
  const ours = path.replace('thirty-two_meg.testfile', 'file');
  return await get(ours, { method, headers: sent, ...(body && { body }) });
};

describe('recorded exchanges of the original node of 2014', () => {
  const routes = recording('ownership-2014-09');
  const session = recording('farmer-session-2014-09');
  const isRightOrWrong = ({ note }: RequestRecord) => /right|wrong response/.test(note ?? '');

  it.each(routes.filter((exchange) => !isRightOrWrong(exchange)))(
    'have the same response: $note',
    async ({ request, response }) => {
      await start();
      const { code, json } = await replay(request);
      expect(code).toBe(response.status);
      // The original sent HTML for 405 and for unknown challenges. The mock node sends JSON.
      if (response.json !== undefined) expect(json).toEqual(response.json);
      else expect(json).toHaveProperty('msg');
    },
  );

  // The original had another root seed, so its challenges are unknown to the mock node.
  it.each(routes.filter(isRightOrWrong))('have unknown challenges: $note', async ({ request }) => {
    await start();
    expect(await replay(request)).toMatchObject({ code: 404, json: { msg: 'unknown challenge' } });
  });

  const lists = session.filter(({ response }) => response.json?.challenges);

  it('have challenges with the same fields', async () => {
    await start();
    const [list] = lists;
    if (list === undefined) throw new Error('nothing recorded');
    const [theirs] = list.response.json?.challenges ?? [];
    const ours = (await replay(list.request)).json.challenges[0];
    const shape = (challenge: object | undefined) =>
      Object.entries(challenge ?? {})
        .map(([key, value]) => `${key}: ${typeof value}`)
        .sort();
    expect(shape(ours)).toEqual(shape(theirs));
    expect(ours.rootseed).toHaveLength(theirs?.rootseed.length ?? 0);
    expect(ours.seed).toHaveLength(theirs?.seed.length ?? 0);
  });

  const unknownFiles = lists.filter(({ request }) => !request.path.endsWith('thirty-two_meg.testfile'));

  // The original returned the challenges of its only file for any name.
  it.each(unknownFiles)('are rejected for names of other files: $request.path', async ({ request, response }) => {
    expect(response.status).toBe(200);
    await start();
    expect((await replay(request)).code).toBe(404);
  });

  it('accept the body that the original farmer sent', async () => {
    await start();
    const [sent] = session.filter(({ request }) => request.method === 'POST');
    if (sent?.request.body === undefined || sent.request.body === null) throw new Error('nothing recorded');
    const right = answerTo(await firstOn('file'));
    expect(Object.keys(JSON.parse(sent.request.body)).sort()).toEqual(Object.keys(right).sort());
    const { json } = await replay({ ...sent.request, body: JSON.stringify(right) });
    expect(json).toEqual({ msg: 'ok', match: true });
  });
});

describe('an invalid ownership answer', () => {
  it.each([
    ['no JSON object', '[1]', 400],
    ['a text', '"x"', 400],
    ['null', 'null', 400],
    ['broken JSON', '{"block":', 400],
    ['bytes that are no text', Buffer.from([0xff, 0xfe, 0x00]), 400],
    ['a key too many that is __proto__', '{"block":1,"seed":"s","response":"r","__proto__":{}}', 400],
    ['a body of a megabyte', `{"seed":"${'x'.repeat(1_000_000)}"}`, 413],
    ['a negative block', '{"block":-1,"seed":"s","response":"r"}', 404],
    ['half a block', '{"block":0.5,"seed":"s","response":"r"}', 404],
    ['an endless block', '{"block":1e999,"seed":"s","response":"r"}', 404],
    ['a block that is an object', '{"block":{},"seed":"s","response":"r"}', 404],
    ['a seed that is a list', '{"block":1,"seed":[],"response":"r"}', 404],
    ['a seed that every object has', '{"block":1,"seed":"constructor","response":"r"}', 404],
  ])('is rejected: %s', async (_, body, code) => {
    await start();
    expect((await post(body)).code).toBe(code);
    expect((await post(answerTo(await firstOn('file')))).json).toEqual({ msg: 'ok', match: true });
  });

  it('is rejected if its compressed body expands beyond the limit', async () => {
    await start();
    const packed = new Uint8Array(gzipSync(Buffer.alloc(10_000_000)));
    expect(packed.length).toBeLessThan(16_000);
    expect((await post(packed, 'file', { 'Content-Encoding': 'gzip' })).code).toBe(413);
  });

  it('does not use up a challenge if the block differs', async () => {
    await start();
    const right = answerTo(await firstOn('file'));
    expect((await post({ ...right, block: right.block + 1 })).code).toBe(404);
    expect((await post(right)).json).toEqual({ msg: 'ok', match: true });
  });

  it('is rejected for a challenge of another file', async () => {
    writeFileSync(filePath('files', 'copy'), CONTENT);
    await start();
    const right = answerTo(await firstOn('file'));
    expect((await post(right, 'copy')).code).toBe(404);
    expect((await post(right, 'absent')).code).toBe(404);
  });
});

describe('a file name in an ownership route', () => {
  beforeEach(() => {
    writeFileSync(filePath('secret'), 'top secret');
    writeFileSync(filePath('files', '.hidden'), 'hidden');
    mkdirSync(filePath('files', 'folder'));
    writeFileSync(filePath('files', 'folder', 'inner'), 'inner secret');
    symlinkSync(filePath('secret'), filePath('files', 'link-out'));
    symlinkSync('folder/inner', filePath('files', 'link-deeper'));
    symlinkSync('absent', filePath('files', 'link-nowhere'));
    symlinkSync('link-loop', filePath('files', 'link-loop'));
    execFileSync('mkfifo', [filePath('files', 'pipe')]);
  });

  it.each([
    '..%2fsecret',
    '%2e%2e%2fsecret',
    '../secret',
    './file',
    '..%5csecret',
    '....//secret',
    '%2fetc%2fpasswd',
    '//etc/passwd',
    'file%00',
    'file%00.txt',
    '.hidden',
    'link-out',
    'link-deeper',
    'link-nowhere',
    'link-loop',
    'folder',
    'folder%2finner',
    'folder/inner',
    'pipe',
    '.',
    '..',
    '%20',
    'x'.repeat(10_000),
    '%c3%a9'.repeat(255),
    '%',
    '%ff',
  ])('is unknown if it leaves the folder or is not a regular file: %s', async (name) => {
    await start();
    for (const path of [`${API}/challenges/${name}`, `${API}/download/${name}`]) {
      const { code, text } = await getRaw(path);
      expect([400, 404]).toContain(code);
      expect(text).not.toMatch(/secret|root:|hidden|rootseed/);
    }
    expect([400, 404]).toContain((await post({ block: 0, seed: 's', response: 'r' }, name)).code);
  });

  it('does not block other files if it is a pipe without a writer', async () => {
    await start();
    await Promise.all(Array.from({ length: 8 }, () => get(`${API}/challenges/pipe`)));
    expect(await challengesOn('file')).toHaveLength(1000);
  });

  it('can contain spaces, dots, accents and names of routes', async () => {
    await start();
    for (const name of ['a b.tar.gz', 'é', 'answer', 'a%2e%2e', '__proto__']) {
      writeFileSync(filePath('files', name), CONTENT);
      expect(await challengesOn(encodeURIComponent(name))).toHaveLength(1000);
    }
  });
});
