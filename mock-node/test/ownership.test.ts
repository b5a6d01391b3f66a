import { execFileSync } from 'node:child_process';
import { mkdirSync, readFileSync, symlinkSync, truncateSync, writeFileSync } from 'node:fs';
import { gzipSync } from 'node:zlib';
import { beforeEach, describe, expect, it } from '@jest/globals';
import { API, setUpMockNode, sha256 } from './support/mock-node.ts';

const { start, get, getRaw, path: pathOf } = setUpMockNode();

const CONTENT = Buffer.from('0123456789'.repeat(2_000));

interface Challenge {
  filename: string;
  rootseed: string;
  block: number;
  seed: string;
}

/** The right answer, by the protocol's words. */
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

beforeEach(() => writeFileSync(pathOf('files', 'file'), CONTENT));

describe('file ownership', () => {
  it('is shown by any of a thousand challenges, none of which tells its answer', async () => {
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

  it('is not shown by a wrong answer, which uses the challenge up as well', async () => {
    await start();
    const challenge = await firstOn('file');
    expect((await post({ ...answerTo(challenge), response: '0'.repeat(64) })).json).toEqual({
      msg: 'ok',
      match: false,
    });
    expect((await post(answerTo(challenge))).code).toBe(404);
  });

  it('takes a block as text, and each challenge once, with a new one in its place', async () => {
    await start();
    const before = await challengesOn('file');
    const right = answerTo(await firstOn('file'));
    expect((await post({ ...right, block: String(right.block) })).json).toEqual({ msg: 'ok', match: true });
    // On purpose unlike the original, which let a challenge be answered again and again.
    expect(await post(right)).toMatchObject({ code: 404, json: { msg: 'unknown challenge' } });
    const after = await challengesOn('file');
    expect(after.slice(0, -1)).toEqual(before.slice(1));
    expect(before.map(({ seed }) => seed)).not.toContain(after.at(-1)?.seed);
  });

  it('counts one of two answers that come at once', async () => {
    await start();
    const right = answerTo(await firstOn('file'));
    const replies = await Promise.all([post(right), post(right)]);
    expect(replies.map(({ code }) => code).sort()).toEqual([200, 404]);
  });

  it('does not open an answered challenge again when the file changes its size and changes back', async () => {
    await start();
    const right = answerTo(await firstOn('file'));
    await post(right);
    truncateSync(pathOf('files', 'file'), 100);
    const shorter = CONTENT.subarray(0, 100);
    expect((await post(answerTo(await firstOn('file'), shorter))).json).toEqual({ msg: 'ok', match: true });
    writeFileSync(pathOf('files', 'file'), CONTENT);
    await challengesOn('file');
    expect((await post(right)).code).toBe(404);
  });

  it('forgets the challenges of a file after many others were asked for, and opens no answered one again', async () => {
    await start();
    const [first, unanswered] = await challengesOn('file');
    if (first === undefined || unanswered === undefined) throw new Error('no challenge');
    const right = answerTo(first);
    await post(right);
    for (let n = 0; n < 101; n++) {
      writeFileSync(pathOf('files', `other-${n}`), 'x');
      await get(`${API}/challenges/other-${n}`);
    }
    await challengesOn('file');
    expect((await post(answerTo(unanswered))).code).toBe(404);
    expect((await post(right)).code).toBe(404);
  });

  it('keeps the challenges of a file in use, however many others are asked for', async () => {
    await start();
    const challenge = await firstOn('file');
    for (let n = 0; n < 101; n++) {
      writeFileSync(pathOf('files', `other-${n}`), 'x');
      await get(`${API}/challenges/other-${n}`);
      if (n % 50 === 0) await get(`${API}/challenges/file`);
    }
    expect((await post(answerTo(challenge))).json).toEqual({ msg: 'ok', match: true });
  });

  it.each([0, 9, 10, 1_023, 10_240])('is shown for a file of %i bytes', async (size) => {
    const content = CONTENT.subarray(0, size);
    writeFileSync(pathOf('files', 'small'), content);
    await start();
    for (const challenge of (await challengesOn('small')).slice(0, 20)) {
      expect((await post(answerTo(challenge, content), 'small')).json).toEqual({ msg: 'ok', match: true });
    }
  });

  it('repeats its challenges with the seed', async () => {
    await start({ seed: 'a' });
    const first = await challengesOn('file');
    await start({ seed: 'a' });
    expect(await challengesOn('file')).toEqual(first);
    await start({ seed: 'b' });
    expect(await challengesOn('file')).not.toEqual(first);
  });

  it('is for no file where no folder was given', async () => {
    await start({ files: undefined });
    expect((await get(`${API}/challenges/file`)).code).toBe(404);
  });

  it('says at the start when its folder is none', async () => {
    await expect(start({ files: pathOf('absent') })).rejects.toMatchObject({
      code: 'invalid_settings',
      message: expect.stringMatching(/^MOCK_FILES: expected a folder \(got ".*absent": ENOENT\)$/),
    });
    await expect(start({ files: pathOf('genesis') })).rejects.toMatchObject({
      message: expect.stringContaining('MOCK_FILES: expected a folder (got "'),
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

/** Sends a recorded request; the file that the original had is ours here. */
const replay = async ({ method, path, headers, body }: RequestRecord['request']) => {
  const { 'Content-Length': _, ...sent } = headers;
  const ours = path.replace('thirty-two_meg.testfile', 'file');
  return await get(ours, { method, headers: sent, ...(body && { body }) });
};

describe('what was recorded of the original of 2014', () => {
  const routes = recording('ownership-2014-09');
  const session = recording('farmer-session-2014-09');
  const isRightOrWrong = ({ note }: RequestRecord) => /right|wrong response/.test(note ?? '');

  it.each(routes.filter((exchange) => !isRightOrWrong(exchange)))(
    'is answered alike here: $note',
    async ({ request, response }) => {
      await start();
      const { code, json } = await replay(request);
      expect(code).toBe(response.status);
      // Where the original had a page of HTML (405, unknown challenge), there is JSON here, on purpose.
      if (response.json !== undefined) expect(json).toEqual(response.json);
      else expect(json).toHaveProperty('msg');
    },
  );

  // Its challenges are not ours, since they come from another root seed: what was an answer there is unknown here.
  it.each(routes.filter(isRightOrWrong))(
    'is unknown here, since it answers a challenge that was never given: $note',
    async ({ request }) => {
      await start();
      expect(await replay(request)).toMatchObject({ code: 404, json: { msg: 'unknown challenge' } });
    },
  );

  const lists = session.filter(({ response }) => response.json?.challenges);

  it('has challenges of the same shape', async () => {
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

  const strange = lists.filter(({ request }) => !request.path.endsWith('thirty-two_meg.testfile'));

  // On purpose unlike the original, which gave the same file's challenges whatever name was asked for.
  it.each(strange)('is refused here for a name that is no file: $request.path', async ({ request, response }) => {
    expect(response.status).toBe(200);
    await start();
    expect((await replay(request)).code).toBe(404);
  });

  it('is answered with the same body shape that the farmer of then sent', async () => {
    await start();
    const [sent] = session.filter(({ request }) => request.method === 'POST');
    if (sent?.request.body === undefined || sent.request.body === null) throw new Error('nothing recorded');
    const right = answerTo(await firstOn('file'));
    expect(Object.keys(JSON.parse(sent.request.body)).sort()).toEqual(Object.keys(right).sort());
    const { json } = await replay({ ...sent.request, body: JSON.stringify(right) });
    expect(json).toEqual({ msg: 'ok', match: true });
  });
});

describe('an answer that is none', () => {
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
  ])('is refused and harms nothing: %s', async (_, body, code) => {
    await start();
    expect((await post(body)).code).toBe(code);
    expect((await post(answerTo(await firstOn('file')))).json).toEqual({ msg: 'ok', match: true });
  });

  it('is refused when it only unpacks to a flood', async () => {
    await start();
    const packed = new Uint8Array(gzipSync(Buffer.alloc(10_000_000)));
    expect(packed.length).toBeLessThan(16_000);
    expect((await post(packed, 'file', { 'Content-Encoding': 'gzip' })).code).toBe(413);
  });

  it('does not use a challenge up when its block is another', async () => {
    await start();
    const right = answerTo(await firstOn('file'));
    expect((await post({ ...right, block: right.block + 1 })).code).toBe(404);
    expect((await post(right)).json).toEqual({ msg: 'ok', match: true });
  });

  it('is refused for the right challenge under another name', async () => {
    writeFileSync(pathOf('files', 'copy'), CONTENT);
    await start();
    const right = answerTo(await firstOn('file'));
    expect((await post(right, 'copy')).code).toBe(404);
    expect((await post(right, 'absent')).code).toBe(404);
  });
});

describe('a file name', () => {
  beforeEach(() => {
    writeFileSync(pathOf('secret'), 'top secret');
    writeFileSync(pathOf('files', '.hidden'), 'hidden');
    mkdirSync(pathOf('files', 'folder'));
    writeFileSync(pathOf('files', 'folder', 'inner'), 'inner secret');
    symlinkSync(pathOf('secret'), pathOf('files', 'link-out'));
    symlinkSync('folder/inner', pathOf('files', 'link-deeper'));
    symlinkSync('absent', pathOf('files', 'link-nowhere'));
    symlinkSync('link-loop', pathOf('files', 'link-loop'));
    execFileSync('mkfifo', [pathOf('files', 'pipe')]);
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
  ])('that leads out of the folder or to no plain file is no file: %s', async (name) => {
    await start();
    for (const path of [`${API}/challenges/${name}`, `${API}/download/${name}`]) {
      const { code, text } = await getRaw(path);
      expect([400, 404]).toContain(code);
      expect(text).not.toMatch(/secret|root:|hidden|rootseed/);
    }
    expect([400, 404]).toContain((await post({ block: 0, seed: 's', response: 'r' }, name)).code);
  });

  it('that is a pipe without a writer does not keep other files waiting', async () => {
    await start();
    await Promise.all(Array.from({ length: 8 }, () => get(`${API}/challenges/pipe`)));
    expect(await challengesOn('file')).toHaveLength(1000);
  });

  it('may have spaces, dots, accents and the names of routes', async () => {
    await start();
    for (const name of ['a b.tar.gz', 'é', 'answer', 'a%2e%2e', '__proto__']) {
      writeFileSync(pathOf('files', name), CONTENT);
      expect(await challengesOn(encodeURIComponent(name))).toHaveLength(1000);
    }
  });
});
