import { once } from 'node:events';
import { mkdirSync, mkdtempSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { FakeLogger } from '@downstream/platform/testing';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { z } from 'zod';
import { leave, scrub } from '../../src/cli/ask.ts';
import { ControlClient } from '../../src/control/control-client.ts';
import { CONTROL_SOCKET, type ControlServer, openControlServer } from '../../src/control/control-server.ts';
import { OperationError } from '../../src/control/operations.ts';
import { backupReport, exitReport, type Operations, scrubReport } from '../../src/control/reports.ts';

const SCRUB = {
  running: false,
  done: 0,
  total: 3,
  results: { sound: 0, proved: 0, corrupt: 0, unreadable: 0, slow: 0 },
  rebuilding: 0,
};

let folder: string;
let server: ControlServer | undefined;
let asked: string[];
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'control-'));
  asked = [];
});
afterEach(async () => {
  await server?.close();
  rmSync(folder, { recursive: true });
});

const socket = () => join(folder, CONTROL_SOCKET);
const operations: Operations = {
  explain: (id, last) => void asked.push(`explain ${id}, the last ${last}`),
  startScrub: () => ({ ...SCRUB, running: true }),
  scrub: () => SCRUB,
  leave: (alias) => {
    asked.push(`leave ${alias}`);
    if (alias === 'nobody') throw new OperationError('no_such_node', 'there is no node nobody');
    return { nodes: [] };
  },
  stay: (alias) => {
    asked.push(`stay ${alias}`);
    return { nodes: [] };
  },
  leaving: () => ({ nodes: [] }),
  backup: async (path) => ({ path, bytes: 5 }),
};
const open = async (log = new FakeLogger()) => {
  server = await openControlServer(socket(), { operations, log });
  return new ControlClient(socket());
};

describe('the control socket', () => {
  it('is open to its owner alone', async () => {
    await open();
    expect(statSync(socket()).mode & 0o777).toBe(0o600);
  });

  it('takes the place of one that a crash left behind', async () => {
    writeFileSync(socket(), 'left behind');
    const client = await open();
    expect(await client.ask('GET', '/scrub', scrubReport)).toEqual(SCRUB);
  });

  it('hands each command on', async () => {
    const client = await open();
    expect(await client.ask('POST', '/scrub', scrubReport)).toMatchObject({ running: true });
    await client.ask('POST', '/exit', exitReport, { node: 'main' });
    await client.ask('POST', '/exit', exitReport, {});
    await client.ask('DELETE', '/exit', exitReport, { node: 'main' });
    expect(asked).toEqual(['leave main', 'leave undefined', 'stay main']);
    expect(await client.ask('POST', '/backup', backupReport, { path: '/b' })).toEqual({ path: '/b', bytes: 5 });
  });

  it('refuses what is no command, and says why', async () => {
    const client = await open();
    for (const body of [{}, { path: '' }, { path: 'x'.repeat(5_000) }, { path: 7 }]) {
      await expect(client.ask('POST', '/backup', backupReport, body)).rejects.toMatchObject({ code: 'refused' });
    }
    await expect(client.ask('POST', '/backup', backupReport, { path: 'x'.repeat(100_000) })).rejects.toMatchObject({
      code: 'refused',
    });
    await expect(client.ask('POST', '/exit', exitReport, { node: 'nobody' })).rejects.toMatchObject({
      code: 'refused',
      message: 'there is no node nobody',
    });
    await expect(client.ask('GET', '/explain/abc', z.unknown())).rejects.toMatchObject({ code: 'not_found' });
    await expect(client.ask('GET', '/explain/abc?last=7', z.unknown())).rejects.toMatchObject({ code: 'not_found' });
    expect(asked.slice(-2)).toEqual(['explain abc, the last undefined', 'explain abc, the last 7']);
    for (const last of ['0', '1001', '1.5', 'x'])
      await expect(client.ask('GET', `/explain/abc?last=${last}`, z.unknown())).rejects.toMatchObject({
        code: 'refused',
      });
  });

  it('that is not there says that no farmer runs', async () => {
    await expect(new ControlClient(socket()).ask('GET', '/scrub', scrubReport)).rejects.toMatchObject({
      code: 'not_running',
    });
  });

  it('can not lie too deep: then the farmer does without, and says so', async () => {
    const log = new FakeLogger();
    expect(await openControlServer(join(folder, 'x'.repeat(120), CONTROL_SOCKET), { operations, log })).toBeUndefined();
    expect(log.messages('warn')).toHaveLength(1);
  });

  it('can not lie where there is something in its way: then the farmer does without, too', async () => {
    const log = new FakeLogger();
    const inTheWay = join(folder, 'a folder');
    mkdirSync(inTheWay);
    expect(await openControlServer(inTheWay, { operations, log })).toBeUndefined();
    expect(log.messages('warn')).toHaveLength(1);
  });

  it.each(['', 'this is no JSON', '{"running":"perhaps"}'])(
    'that answers %j is no farmer of this version',
    async (body) => {
      const other = createServer((_request, response) => response.end(body));
      other.listen(socket());
      await once(other, 'listening');
      try {
        await expect(new ControlClient(socket()).ask('GET', '/scrub', scrubReport)).rejects.toMatchObject({
          code: 'refused',
          message: expect.stringContaining('no farmer of this version'),
        });
      } finally {
        other.close();
      }
    },
  );
});

describe('downstream exit', () => {
  const node = (alias: string, state: 'no' | 'leaving' | 'left') => ({
    alias,
    state,
    removed: 0,
    left: 1,
    lastError: null,
  });

  it('ends when the exit is cancelled from elsewhere, and says that it stays', async () => {
    const states = [
      [node('one', 'leaving'), node('two', 'leaving')],
      [node('one', 'left'), node('two', 'no')],
    ];
    const next = () => ({ nodes: states.shift() ?? [] });
    server = await openControlServer(socket(), {
      operations: { ...operations, leave: next, leaving: () => (states.length > 1 ? { nodes: [] } : next()) },
      log: new FakeLogger(),
    });
    const said: string[] = [];
    const config = { dataDir: folder };
    expect(await leave(config, { cancel: false, yes: true }, (line) => void said.push(line))).toBe(1);
    expect(said.at(-1)).toBe('staying with two: the exit was cancelled meanwhile');
  });

  it('says that the data directory is needed while other nodes have contracts', async () => {
    const nodes = [{ ...node('one', 'left'), left: 0 }, node('two', 'no')];
    server = await openControlServer(socket(), {
      operations: { ...operations, leave: () => ({ nodes }), leaving: () => ({ nodes }) },
      log: new FakeLogger(),
    });
    const said: string[] = [];
    const exit = { node: 'one', cancel: false, yes: true };
    expect(await leave({ dataDir: folder }, exit, (line) => void said.push(line))).toBe(0);
    expect(said.at(-1)).toBe('left one; two still has contracts (1): the data directory is needed');
  });

  it('says in which folder no farmer runs', async () => {
    await expect(leave({ dataDir: folder }, { cancel: true, yes: true }, () => {})).rejects.toThrow(folder);
  });
});

describe('downstream scrub', () => {
  it.each([
    [3, 0, 'all well: 3 of 3 chunks read, and sound'],
    [2, 1, '2 of 3 chunks read, and sound; the others are not there: they are being made, or their contracts are over'],
  ])('that reads %i of three chunks exits with %i', async (sound, code, last) => {
    const done = { ...SCRUB, done: 3, results: { ...SCRUB.results, sound } };
    server = await openControlServer(socket(), {
      operations: { ...operations, startScrub: () => done, scrub: () => done },
      log: new FakeLogger(),
    });
    const said: string[] = [];
    expect(await scrub({ dataDir: folder }, (line) => void said.push(line))).toBe(code);
    expect(said.at(-1)).toBe(last);
  });
});
