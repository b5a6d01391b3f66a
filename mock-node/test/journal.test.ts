import { randomBytes } from 'node:crypto';
import type { JournalFilter } from '@downstream/control-api';
import type { RouteName } from '@downstream/protocol';
import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { Journal, type RequestRecord } from '../src/journal/journal.ts';
import { redactSecrets } from '../src/journal/redact.ts';
import { ADDRESS, API, createChunk, setUpMockNode, sha256 } from './support/mock-node.ts';
import { until } from './support/raw-client.ts';

const createRecord = (given: Partial<RequestRecord> = {}): RequestRecord => ({
  at: '2030-01-01T00:00:00.000Z',
  requestId: 'r',
  method: 'GET',
  route: 'due',
  path: '/due',
  status: 200,
  durationMs: 1,
  faults: [],
  responseBytes: 10,
  ...given,
});

function createJournal(size: number) {
  const journal = new Journal(size);
  const add = (given: Partial<RequestRecord> = {}) => journal.add(createRecord(given));
  const ids = (filter?: JournalFilter) => journal.find(filter).map(({ id }) => id);
  return { journal, add, ids };
}

/** Whether a promise is settled after all pending work has run. */
async function isSettled(promise: Promise<unknown>): Promise<boolean> {
  let settled = false;
  void promise.then(() => {
    settled = true;
  });
  await new Promise(setImmediate);
  return settled;
}

describe('Journal', () => {
  it('keeps the latest requests, oldest first, and counts the dropped ones', () => {
    const { journal, add, ids } = createJournal(3);
    for (let n = 0; n < 2; n++) add();
    expect([ids(), journal.counts]).toEqual([[1, 2], { kept: 2, dropped: 0 }]);
    for (let n = 0; n < 5; n++) add();
    expect([ids(), journal.counts]).toEqual([[5, 6, 7], { kept: 3, dropped: 4 }]);
  });

  it('behaves like a bounded list for any size and sequence of calls', () => {
    fc.assert(
      fc.property(
        fc.nat(8),
        fc.array(fc.constantFrom('add', 'add', 'add', 'clear'), { maxLength: 60 }),
        (size, steps) => {
          const { journal, add, ids } = createJournal(size);
          let [added, dropped] = [0, 0];
          let kept: number[] = [];
          for (const step of steps) {
            if (step === 'clear') {
              journal.clear();
              [kept, dropped] = [[], 0];
            } else {
              expect(add().id).toBe(++added);
              kept.push(added);
              dropped += Math.max(0, kept.length - size);
              kept = kept.slice(Math.max(0, kept.length - size));
            }
            expect(ids()).toEqual(kept);
            expect(journal.counts).toEqual({ kept: kept.length, dropped });
          }
        },
      ),
    );
  });

  it('finds the requests that match all fields of a filter', () => {
    const { journal, add, ids } = createJournal(10);
    add({ route: 'new', status: 400 });
    add({ farmer: 'abcdef', faults: ['late', 'half'] });
    add({ farmer: 'abcdef', contract: 'f'.repeat(64), route: 'remove', method: 'DELETE' });
    add({ route: null, status: 404, path: '/elsewhere' });
    add({ farmer: 'fedcba', status: null, faults: ['reset'] });
    const found: [JournalFilter, number[]][] = [
      [{}, [1, 2, 3, 4, 5]],
      [{ route: 'due' }, [2, 5]],
      [{ method: 'DELETE' }, [3]],
      [{ farmer: 'abcdef' }, [2, 3]],
      [{ farmer: 'abcdef0123456789' }, [2, 3]],
      [{ farmer: 'abc' }, [2, 3]],
      [{ farmer: 'x' }, []],
      [{ contract: 'f'.repeat(64) }, [3]],
      [{ contract: 'fff' }, [3]],
      [{ status: 404 }, [4]],
      [{ fault: 'half' }, [2]],
      [{ since: 3 }, [4, 5]],
      [{ farmer: 'abcdef', route: 'due', fault: 'late', since: 1, status: 200, method: 'GET' }, [2]],
      [{ farmer: 'abcdef', route: 'new' }, []],
    ];
    for (const [filter, expected] of found) expect({ filter, ids: ids(filter) }).toEqual({ filter, ids: expected });
    expect(journal.findUnmatched().map(({ id }) => id)).toEqual([4]);
  });
});

describe('Journal.wait', () => {
  const forever = new AbortController().signal;

  it('returns immediately if enough requests have matched already', async () => {
    const { journal, add } = createJournal(5);
    add();
    expect(await isSettled(journal.wait({ route: 'due' }, 1, forever))).toBe(true);
    expect(await isSettled(journal.wait({}, 0, forever))).toBe(true);
  });

  it('returns with the last wanted request and not earlier', async () => {
    const { journal, add } = createJournal(5);
    add({ route: 'due' });
    const wait = journal.wait({ route: 'due' }, 3, forever);
    add({ route: 'due' });
    add({ route: 'new' });
    expect(await isSettled(wait)).toBe(false);
    add({ route: 'due' });
    expect(await isSettled(wait)).toBe(true);
    expect(await wait).toBeTruthy();
  });

  it('counts for each waiting call separately', async () => {
    const { journal, add } = createJournal(5);
    const routes: RouteName[] = ['new', 'due'];
    const [first, second] = routes.map((route) => journal.wait({ route }, 1, forever));
    add({ route: 'due' });
    expect([await isSettled(first ?? NEVER), await isSettled(second ?? NEVER)]).toEqual([false, true]);
    add({ route: 'new' });
    expect(await isSettled(first ?? NEVER)).toBe(true);
  });

  it('returns when its signal is aborted, and removes its waiter', async () => {
    const { journal, add } = createJournal(5);
    const giveUp = new AbortController();
    const wait = journal.wait({}, 1, giveUp.signal);
    expect(await isSettled(wait)).toBe(false);
    giveUp.abort();
    expect(await wait).toBeFalsy();
    add();
    expect(await journal.wait({ route: 'new' }, 1, giveUp.signal)).toBeFalsy();
  });
});

/** Never aborted. */
const NEVER = new Promise<never>(() => {});

describe('the recorded requests', () => {
  const { start, get, controller, fault, newToken, acceptContract } = setUpMockNode();
  const entries = () => controller().journal.find();

  it('contain no complete token, secret or response on any route', async () => {
    await start();
    const token = await newToken();
    const { secret, file_hash: hash, challenge } = await acceptContract(token);
    const response = sha256(createChunk(secret), challenge);
    const paths = [
      `due/${token}`,
      `challenge/${token}/${hash}/${response}`,
      `download/${hash}`,
      `remove/${token}/${hash}`,
    ];
    for (const path of paths) await get(`${API}/${path}`);
    await get(`${API}/elsewhere/${token}/${secret}`);
    await get(`${API}/challenges/answer/file`, {
      method: 'POST',
      body: JSON.stringify({ block: 1, seed: 's', response }),
    });
    const text = JSON.stringify(entries());
    expect(entries()).toHaveLength(8);
    expect(text).toContain(hash);
    expect(text).toContain(`${token.slice(0, 6)}…`);
    for (const whole of [token, response]) expect(text).not.toContain(whole);
    expect(JSON.stringify(entries().filter(({ route }) => route !== null))).not.toContain(secret);
  });

  it('describe each request and its result', async () => {
    await start();
    const token = await newToken();
    const { file_hash: hash } = await acceptContract(token);
    fault({ name: 'half', match: { route: 'remove' }, effect: 'wrong_content_type' });
    const { text } = await get(`${API}/remove/${token}/${hash}`, {
      method: 'DELETE',
      headers: { 'X-Request-Id': 'mine' },
    });
    await get('/nowhere?a=b');
    const [, , removed, nowhere] = entries();
    expect(removed).toMatchObject({
      id: 3,
      at: new Date(1_000_000).toISOString(),
      requestId: 'mine',
      method: 'DELETE',
      route: 'remove',
      path: `${API}/remove/${token.slice(0, 6)}…/${hash}`,
      farmer: token.slice(0, 6),
      contract: hash,
      status: 200,
      faults: ['half'],
      responseBody: text,
    });
    expect(removed?.responseBytes).toBeGreaterThan(text.length);
    expect(nowhere).toMatchObject({ route: null, path: '/nowhere', status: 404, faults: [] });
    expect(controller().journal.findUnmatched()).toEqual([nowhere]);
  });

  it('have bounded paths and bodies', async () => {
    await start();
    await get(`/${'x'.repeat(10_000)}`);
    await get(`${API}/new/${'y'.repeat(10_000)}`);
    await get(`${API}/challenges/answer/file`, { method: 'POST', body: 'z'.repeat(16_000) });
    fault({ effect: { kind: 'garbage', bytes: 100_000 } });
    await get(`${API}/new/${ADDRESS}`);
    await until('the last is kept', () => entries().length === 4);
    for (const entry of entries()) expect(JSON.stringify(entry).length).toBeLessThan(16_000);
    expect(entries().every(({ path }) => path.length <= 512)).toBe(true);
  });

  it('exclude health checks and metrics', async () => {
    await start();
    await get('/healthz');
    await get('/metrics');
    // The image's health check calls this on the port of the node API, too.
    expect(await get('/__admin/health/ready')).toMatchObject({ code: 404 });
    expect(entries()).toEqual([]);
  });
});

describe('redactSecrets', () => {
  it('keeps hashes and shortens tokens, secrets and responses in a body', () => {
    const [token, hash] = [randomBytes(16).toString('hex'), randomBytes(32).toString('hex')];
    const body = { token, secret: 'bf60435d2b', file_hash: hash, challenge: '0.123456789', response: hash };
    expect(JSON.parse(redactSecrets(JSON.stringify(body), 1_000))).toEqual({
      ...body,
      token: `${token.slice(0, 6)}…`,
      secret: 'bf6043…',
      response: `${hash.slice(0, 6)}…`,
    });
  });

  it('keeps only the beginning of a token wherever the text is cut', () => {
    const token = `${'abcdef'.repeat(5)}ab`;
    for (const text of [`/a/path/${token}`, `{"token":"${token}"}`, `${token}${'/x'.repeat(20)}`]) {
      for (let most = 1; most <= text.length; most++) {
        const shown = redactSecrets(text, most);
        expect(shown).not.toContain('abcdefa');
        expect(shown.length).toBeLessThanOrEqual(most);
      }
    }
  });
});
