import { once } from 'node:events';
import { mkdirSync, mkdtempSync, readFileSync, renameSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { FakeLogger } from '@downstream/platform/testing';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { z } from 'zod';
import { replaceDisk } from '../../src/cli/disk.ts';
import { exitNodes } from '../../src/cli/exit.ts';
import { scrub } from '../../src/cli/scrub.ts';
import { ControlClient } from '../../src/control/control-client.ts';
import { CONTROL_SOCKET, type ControlServer, openControlServer } from '../../src/control/control-server.ts';
import { ContractIdError } from '../../src/control/find-contract.ts';
import { OperationError } from '../../src/control/operations.ts';
import {
  backupReport,
  exitReport,
  type Operations,
  type ReplacementReport,
  type ReplacementRequest,
  scrubReport,
} from '../../src/control/reports.ts';

const SCRUB = {
  running: false,
  done: 0,
  total: 3,
  results: { ok: 0, proved: 0, corrupt: 0, unreadable: 0, slow: 0 },
  rebuilding: 0,
};

const REPLACEMENT: ReplacementReport = {
  path: '/mnt/b/farm',
  mountPoint: '/mnt/b',
  sizeBytes: 2 ** 40,
  freeBytes: 2 ** 39,
  state: 'ok',
  reason: null,
  rebuilding: 7,
};

let folder: string;
let server: ControlServer | undefined;
let calls: string[];
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'control-'));
  calls = [];
});
afterEach(async () => {
  await server?.close();
  rmSync(folder, { recursive: true });
});

const socket = () => join(folder, CONTROL_SOCKET);
const operations: Operations = {
  explain: (id, last) => {
    calls.push(`explain ${id}, last ${last}`);
    return new ContractIdError(id === 'abc' ? 'no_contract' : 'invalid_id', `no ${id}`);
  },
  startScrub: () => ({ ...SCRUB, running: true }),
  getScrub: () => SCRUB,
  startExit: (alias) => {
    calls.push(`start exit ${alias}`);
    if (alias === 'unknown') throw new OperationError('no_such_node', 'unknown node');
    return { nodes: [] };
  },
  cancelExit: (alias) => {
    calls.push(`cancel exit ${alias}`);
    return { nodes: [] };
  },
  getExit: () => ({ nodes: [] }),
  backup: async (path) => ({ path, bytes: 5 }),
  replaceDisk: async () => REPLACEMENT,
};
const open = async (log = new FakeLogger()) => {
  server = await openControlServer(socket(), { operations, log });
  return new ControlClient(socket());
};

describe('openControlServer', () => {
  it('creates a socket that only its owner can open', async () => {
    await open();
    expect(statSync(socket()).mode & 0o777).toBe(0o600);
  });

  it('replaces a socket that a crash left behind', async () => {
    const crashed = createServer().listen(`${socket()}.old`);
    await once(crashed, 'listening');
    renameSync(`${socket()}.old`, socket());
    crashed.close();
    const client = await open();
    expect(await client.ask('GET', '/scrub', scrubReport)).toEqual(SCRUB);
  });

  it('does not delete a file that is not a socket', async () => {
    const log = new FakeLogger();
    writeFileSync(socket(), 'of someone else');
    await open(log);
    expect(readFileSync(socket(), 'utf8')).toBe('of someone else');
    expect(log.messages('warn')).toEqual(['control socket unavailable']);
  });

  it('passes each command to its operation', async () => {
    const client = await open();
    expect(await client.ask('POST', '/scrub', scrubReport)).toMatchObject({ running: true });
    await client.ask('POST', '/exit', exitReport, { node: 'main' });
    await client.ask('POST', '/exit', exitReport, {});
    await client.ask('DELETE', '/exit', exitReport, { node: 'main' });
    expect(calls).toEqual(['start exit main', 'start exit undefined', 'cancel exit main']);
    expect(await client.ask('POST', '/backup', backupReport, { path: '/b' })).toEqual({ path: '/b', bytes: 5 });
  });

  it('rejects an invalid command and reports why', async () => {
    const client = await open();
    for (const body of [{}, { path: '' }, { path: 'x'.repeat(5_000) }, { path: 7 }]) {
      await expect(client.ask('POST', '/backup', backupReport, body)).rejects.toMatchObject({ code: 'rejected' });
    }
    await expect(client.ask('POST', '/backup', backupReport, { path: 'x'.repeat(100_000) })).rejects.toMatchObject({
      code: 'rejected',
    });
    await expect(client.ask('POST', '/exit', exitReport, { node: 'unknown' })).rejects.toMatchObject({
      code: 'rejected',
      message: 'unknown node',
    });
    await expect(client.ask('GET', '/explain/abc', z.unknown())).rejects.toMatchObject({
      code: 'not_found',
      message: 'no abc',
    });
    await expect(client.ask('GET', '/explain/xyz?last=3', z.unknown())).rejects.toMatchObject({ code: 'rejected' });
    await expect(client.ask('GET', '/explain/abc?last=7', z.unknown())).rejects.toMatchObject({ code: 'not_found' });
    expect(calls.slice(-3)).toEqual(['explain abc, last undefined', 'explain xyz, last 3', 'explain abc, last 7']);
    for (const last of ['0', '1001', '1.5', 'x'])
      await expect(client.ask('GET', `/explain/abc?last=${last}`, z.unknown())).rejects.toMatchObject({
        code: 'rejected',
      });
  });

  it('logs a warning and returns undefined when the path is too long', async () => {
    const log = new FakeLogger();
    expect(await openControlServer(join(folder, 'x'.repeat(120), CONTROL_SOCKET), { operations, log })).toBeUndefined();
    expect(log.messages('warn')).toEqual(['control socket unavailable']);
  });

  it('logs a warning and returns undefined when a folder is in the way', async () => {
    const log = new FakeLogger();
    const inTheWay = join(folder, 'a folder');
    mkdirSync(inTheWay);
    expect(await openControlServer(inTheWay, { operations, log })).toBeUndefined();
    expect(log.messages('warn')).toEqual(['control socket unavailable']);
  });
});

describe('ControlClient', () => {
  it('reports that no farmer is running when there is no socket', async () => {
    await expect(new ControlClient(socket()).ask('GET', '/scrub', scrubReport)).rejects.toMatchObject({
      code: 'not_running',
    });
  });

  it.each(['', 'not JSON', '{"running":"maybe"}'])(
    'reports a version mismatch when the response is %j',
    async (body) => {
      const other = createServer((_request, response) => response.end(body));
      other.listen(socket());
      await once(other, 'listening');
      try {
        await expect(new ControlClient(socket()).ask('GET', '/scrub', scrubReport)).rejects.toMatchObject({
          code: 'rejected',
          message: expect.stringContaining('use the version of this command that matches the farmer'),
        });
      } finally {
        other.close();
      }
    },
  );
});

describe('exitNodes', () => {
  const node = (alias: string, state: 'active' | 'exiting' | 'exited') => ({
    alias,
    state,
    released: 0,
    remaining: 1,
    lastError: null,
  });

  it('returns 1 when another command cancels the exit', async () => {
    const states = [
      [node('one', 'exiting'), node('two', 'exiting')],
      [node('one', 'exited'), node('two', 'active')],
    ];
    const next = () => ({ nodes: states.shift() ?? [] });
    server = await openControlServer(socket(), {
      operations: { ...operations, startExit: next, getExit: () => (states.length > 1 ? { nodes: [] } : next()) },
      log: new FakeLogger(),
    });
    const lines: string[] = [];
    const config = { dataDir: folder };
    expect(await exitNodes(config, { cancel: false, yes: true }, (line) => void lines.push(line))).toBe(1);
    expect(lines.at(-1)).toBe('exit from two was cancelled by another command');
  });

  it('reports that the data directory is still needed while other nodes have contracts', async () => {
    const nodes = [{ ...node('one', 'exited'), remaining: 0 }, node('two', 'active')];
    server = await openControlServer(socket(), {
      operations: { ...operations, startExit: () => ({ nodes }), getExit: () => ({ nodes }) },
      log: new FakeLogger(),
    });
    const lines: string[] = [];
    const exit = { node: 'one', cancel: false, yes: true };
    expect(await exitNodes({ dataDir: folder }, exit, (line) => void lines.push(line))).toBe(0);
    expect(lines.at(-1)).toBe('exit from one complete; keep the data directory, because contracts remain (two: 1)');
  });

  it('names the folder in which no farmer is running', async () => {
    await expect(exitNodes({ dataDir: folder }, { cancel: true, yes: true }, () => {})).rejects.toThrow(folder);
  });
});

describe('replaceDisk', () => {
  const openWith = async (report: ReplacementReport) => {
    const replaceDisk = async (request: ReplacementRequest) => {
      calls.push(`replace ${JSON.stringify(request)}`);
      return report;
    };
    server = await openControlServer(socket(), { operations: { ...operations, replaceDisk }, log: new FakeLogger() });
  };
  const replace = async (yes: boolean) => {
    const lines: string[] = [];
    const print = (line: string) => void lines.push(line);
    const code = await replaceDisk({ dataDir: folder }, '/mnt/b/farm', { sameFileSystem: false, yes, print });
    return { code, lines };
  };

  it('shows the file system, and assigns the disk', async () => {
    await openWith(REPLACEMENT);
    expect(await replace(true)).toEqual({
      code: 0,
      lines: [
        '/mnt/b/farm is on the file system mounted at /mnt/b: 1 TiB, 512 GiB free',
        '/mnt/b/farm is in use; chunks to be rebuilt: 7',
      ],
    });
    expect(calls).toEqual(
      [true, false].map((dryRun) => `replace {"path":"/mnt/b/farm","allowSharedFileSystem":false,"dryRun":${dryRun}}`),
    );
  });

  it('returns 1 if the disk cannot be used yet', async () => {
    await openWith({ ...REPLACEMENT, state: 'quarantined', reason: 'EIO' });
    expect(await replace(true)).toMatchObject({ code: 1, lines: [expect.any(String), expect.stringContaining('EIO')] });
  });

  it('changes nothing without a confirmation', async () => {
    await openWith(REPLACEMENT);
    await expect(replace(false)).rejects.toThrow('pass --yes');
    expect(calls).toEqual(['replace {"path":"/mnt/b/farm","allowSharedFileSystem":false,"dryRun":true}']);
  });
});

describe('scrub', () => {
  it.each([
    [3, 0, 'all chunks are intact (3 of 3)'],
    [2, 1, '2 of 3 chunks are intact; the others are being generated, or their contracts have ended'],
  ])('finds %i of 3 chunks intact and returns %i', async (ok, code, last) => {
    const done = { ...SCRUB, done: 3, results: { ...SCRUB.results, ok } };
    server = await openControlServer(socket(), {
      operations: { ...operations, startScrub: () => done, getScrub: () => done },
      log: new FakeLogger(),
    });
    const lines: string[] = [];
    expect(await scrub({ dataDir: folder }, (line) => void lines.push(line))).toBe(code);
    expect(lines.at(-1)).toBe(last);
  });
});
