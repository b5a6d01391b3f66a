import { once } from 'node:events';
import { mkdirSync, readFileSync, renameSync, statSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import { join } from 'node:path';
import { FakeLogger } from '@downstream/platform/testing';
import { describe, expect, it } from '@jest/globals';
import { z } from 'zod';
import { replaceDisk } from '../../src/cli/disk.ts';
import { exitNodes } from '../../src/cli/exit.ts';
import { scrub } from '../../src/cli/scrub.ts';
import { ControlClient } from '../../src/control/control-client.ts';
import { CONTROL_SOCKET } from '../../src/control/control-server.ts';
import {
  backupReport,
  exitReport,
  type ReplacementReport,
  type ReplacementRequest,
  scrubReport,
} from '../../src/control/reports.ts';
import { FakeControl, FakeOutput, SCRUB } from '../fakes/fake-control.ts';

const REPLACEMENT: ReplacementReport = {
  path: '/mnt/b/farm',
  mountPoint: '/mnt/b',
  sizeBytes: 2 ** 40,
  freeBytes: 2 ** 39,
  state: 'ok',
  reason: null,
  rebuilding: 7,
};

const control = new FakeControl();
const socket = () => control.socket;

describe('openControlServer', () => {
  it('creates a socket that only its owner can open', async () => {
    await control.open();
    expect(statSync(socket()).mode & 0o777).toBe(0o600);
  });

  it('replaces a socket that a crash left behind', async () => {
    const crashed = createServer().listen(`${socket()}.old`);
    await once(crashed, 'listening');
    renameSync(`${socket()}.old`, socket());
    crashed.close();
    const client = await control.connect();
    expect(await client.ask('GET', '/scrub', scrubReport)).toEqual(SCRUB);
  });

  it('does not delete a file that is not a socket', async () => {
    const log = new FakeLogger();
    writeFileSync(socket(), 'of someone else');
    await control.open({}, { log });
    expect(readFileSync(socket(), 'utf8')).toBe('of someone else');
    expect(log.messages('warn')).toEqual(['control socket unavailable']);
  });

  it('passes each command to its operation', async () => {
    const client = await control.connect();
    expect(await client.ask('POST', '/scrub', scrubReport)).toMatchObject({ running: true });
    await client.ask('POST', '/exit', exitReport, { node: 'main' });
    await client.ask('POST', '/exit', exitReport, {});
    await client.ask('DELETE', '/exit', exitReport, { node: 'main' });
    expect(control.calls).toEqual(['start exit main', 'start exit undefined', 'cancel exit main']);
    expect(await client.ask('POST', '/backup', backupReport, { path: '/b' })).toEqual({ path: '/b', bytes: 5 });
  });

  it('rejects an invalid command and reports why', async () => {
    const client = await control.connect();
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
    expect(control.calls.slice(-3)).toEqual([
      'explain abc, last undefined',
      'explain xyz, last 3',
      'explain abc, last 7',
    ]);
    for (const last of ['0', '1001', '1.5', 'x'])
      await expect(client.ask('GET', `/explain/abc?last=${last}`, z.unknown())).rejects.toMatchObject({
        code: 'rejected',
      });
  });

  it('reports that the farmer is starting or stopping if a command needs more than its status', async () => {
    await control.open({}, { operations: () => undefined });
    await expect(new ControlClient(socket()).ask('GET', '/scrub', scrubReport)).rejects.toMatchObject({
      code: 'rejected',
      message: 'the farmer is starting or stopping: try again in a moment',
    });
  });

  it('logs a warning and returns undefined when the path is too long', async () => {
    const log = new FakeLogger();
    expect(
      await control.open({}, { log, path: join(control.folder, 'x'.repeat(120), CONTROL_SOCKET) }),
    ).toBeUndefined();
    expect(log.messages('warn')).toEqual(['control socket unavailable']);
  });

  it('logs a warning and returns undefined when a folder is in the way', async () => {
    const log = new FakeLogger();
    const inTheWay = join(control.folder, 'a folder');
    mkdirSync(inTheWay);
    expect(await control.open({}, { log, path: inTheWay })).toBeUndefined();
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

  it('reports that the farmer stopped during a command', async () => {
    const stopping = createServer((request) => request.destroy()).listen(socket());
    await once(stopping, 'listening');
    try {
      await expect(new ControlClient(socket()).ask('POST', '/scrub', scrubReport)).rejects.toMatchObject({
        code: 'no_response',
      });
    } finally {
      stopping.close();
    }
  });
});

describe('exitNodes', () => {
  const node = (alias: string, state: 'active' | 'exiting' | 'exited') => ({
    alias,
    state,
    released: 0,
    remaining: 1,
    canRelease: true,
    lastError: null,
  });

  it('returns 1 when another command cancels the exit', async () => {
    const states = [
      [node('one', 'exiting'), node('two', 'exiting')],
      [node('one', 'exited'), node('two', 'active')],
    ];
    const next = () => ({ nodes: states.shift() ?? [] });
    await control.open({ startExit: next, getExit: () => (states.length > 1 ? { nodes: [] } : next()) });
    const lines: string[] = [];
    const { config } = control;
    expect(await exitNodes(config, { cancel: false, yes: true, json: false }, (line) => void lines.push(line))).toBe(1);
    expect(lines.at(-1)).toBe('exit from two was cancelled by another command');
  });

  it('reports that the data directory is still needed while other nodes have contracts', async () => {
    const nodes = [{ ...node('one', 'exited'), remaining: 0 }, node('two', 'active')];
    await control.open({ startExit: () => ({ nodes }), getExit: () => ({ nodes }) });
    const lines: string[] = [];
    const exit = { node: 'one', cancel: false, yes: true, json: false };
    expect(await exitNodes(control.config, exit, (line) => void lines.push(line))).toBe(0);
    expect(lines.at(-1)).toBe('exit from one complete; keep the data directory, because contracts remain (two: 1)');
  });

  it('says that contracts which cannot be released are proved until they end', async () => {
    const states = [2, 0].map((remaining) => ({
      ...node('main', remaining > 0 ? 'exiting' : 'exited'),
      remaining,
      canRelease: false,
    }));
    const next = () => ({ nodes: states.splice(0, 1) });
    await control.open({ startExit: next, getExit: () => (states.length > 1 ? { nodes: [] } : next()) });
    const lines: string[] = [];
    const exit = { cancel: false, yes: true, json: false };
    expect(await exitNodes(control.config, exit, (line) => void lines.push(line))).toBe(0);
    expect(lines).toEqual([
      'main: contracts cannot be released, 2 are proved until they end',
      'main: contracts cannot be released, 0 are proved until they end',
      'exit complete: you can stop the farmer and delete its data directory',
    ]);
  });

  it('prints only the last report as JSON, if requested', async () => {
    const nodes = [{ ...node('one', 'exited'), remaining: 0 }, node('two', 'active')];
    await control.open({ startExit: () => ({ nodes }), getExit: () => ({ nodes }) });
    const output = new FakeOutput();
    const options = { node: 'one', cancel: false, yes: true, json: true };
    expect(await exitNodes(control.config, options, output.print)).toBe(0);
    expect(JSON.parse(output.text)).toEqual({ nodes: nodes.slice(0, 1) });
  });

  it('rejects an unknown node before it asks for a confirmation, and suggests a similar one', async () => {
    await control.open({ getExit: () => ({ nodes: [node('main', 'active'), node('two', 'active')] }) });
    await expect(
      exitNodes(control.config, { node: 'mian', cancel: false, yes: false, json: false }, () => {}),
    ).rejects.toThrow('unknown node mian: did you mean main? this farmer has main, two');
  });

  it('names the folder in which no farmer is running', async () => {
    await expect(exitNodes(control.config, { cancel: true, yes: true, json: false }, () => {})).rejects.toThrow(
      control.folder,
    );
  });
});

describe('replaceDisk', () => {
  const openWith = async (report: ReplacementReport) => {
    const replaceDisk = async (request: ReplacementRequest) => {
      control.calls.push(`replace ${JSON.stringify(request)}`);
      return report;
    };
    await control.open({ replaceDisk });
  };
  const replace = async (yes: boolean) => {
    const lines: string[] = [];
    const print = (line: string) => void lines.push(line);
    const code = await replaceDisk(control.config, '/mnt/b/farm', { sameFileSystem: false, yes, print });
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
    expect(control.calls).toEqual(
      [true, false].map((dryRun) => `replace {"path":"/mnt/b/farm","allowSharedFileSystem":false,"dryRun":${dryRun}}`),
    );
  });

  it.each([
    ['EIO', 'it cannot be used yet: EIO'],
    ['timeout', 'if the old disk did not respond, restart the farmer'],
  ])('returns 1 if the disk cannot be used yet: %s', async (reason, text) => {
    await openWith({ ...REPLACEMENT, state: 'quarantined', reason });
    expect(await replace(true)).toMatchObject({ code: 1, lines: [expect.any(String), expect.stringContaining(text)] });
  });

  it('changes nothing without a confirmation', async () => {
    await openWith(REPLACEMENT);
    await expect(replace(false)).rejects.toThrow('pass --yes');
    expect(control.calls).toEqual(['replace {"path":"/mnt/b/farm","allowSharedFileSystem":false,"dryRun":true}']);
  });
});

describe('scrub', () => {
  it.each([
    [3, 0, 'all chunks are intact (3 of 3)'],
    [2, 1, '2 of 3 chunks are intact; the others are being generated, or their contracts have ended'],
  ])('finds %i of 3 chunks intact and returns %i', async (ok, code, last) => {
    const done = { ...SCRUB, done: 3, results: { ...SCRUB.results, ok } };
    await control.open({ startScrub: () => done, getScrub: () => done });
    const lines: string[] = [];
    expect(await scrub(control.config, { json: false }, (line) => void lines.push(line))).toBe(code);
    expect(lines.at(-1)).toBe(last);
  });

  it('prints only the last report as JSON, if requested', async () => {
    const done = { ...SCRUB, done: 3, results: { ...SCRUB.results, ok: 2, corrupt: 1 } };
    await control.open({ startScrub: () => done });
    const output = new FakeOutput();
    expect(await scrub(control.config, { json: true }, output.print)).toBe(1);
    expect(JSON.parse(output.text)).toEqual(done);
  });
});
