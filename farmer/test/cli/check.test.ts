import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { checkLimits, readLimits } from '../../src/check/check-limits.ts';
import type { Finding } from '../../src/check/finding.ts';
import { check } from '../../src/cli/check.ts';
import { makeId } from '../fakes/builders.ts';
import { FakeControl, FakeOutput } from '../fakes/fake-control.ts';
import { always, type RawServer, rawServer } from '../fakes/raw-server.ts';
import { claimNode, contract, NODE, StateDir } from '../fakes/state-dir.ts';

const ADDRESS = '19qVgG8C6eXwKMMyvVegsi3xCsKyk3Z3jV';
const dir = new StateDir();
const control = new FakeControl();
let node: RawServer;
let root: string;
beforeAll(async () => {
  node = await rawServer(always('{"status":"no_token"}'));
});
afterAll(async () => await node[Symbol.asyncDispose]());
beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), 'check-'));
});
afterEach(() => rmSync(root, { recursive: true }));

/** Checks a new farmer in an empty directory. */
async function run(changes: Record<string, string> = {}): Promise<{ code: number; findings: Finding[] }> {
  const env = {
    FARMER_ADDRESS: ADDRESS,
    FARMER_NODE_URL: node.url,
    FARMER_DATA_DIR: root,
    FARMER_INIT: 'true',
    FARMER_SIZE: '32MiB',
    FARMER_MIN_FREE: '0',
    FARMER_HTTP_PORT: '0',
    ...changes,
  };
  const output = new FakeOutput();
  const code = await check({ env }, { json: true }, output.print);
  return { code, findings: JSON.parse(Buffer.from(output.text, 'latin1').toString()) };
}
const problems = ({ findings }: { findings: Finding[] }) =>
  findings.filter(({ level, check: name }) => level !== 'ok' && name !== 'limits');

describe('check', () => {
  it('finds nothing wrong with a new farmer, does not register, and leaves nothing behind', async () => {
    const result = await run();
    expect(problems(result)).toEqual([]);
    expect(result.findings.map(({ check: name }) => name)).toEqual(
      expect.arrayContaining(['settings', 'state', 'node', 'clock', 'folder', 'space', 'port', 'limits']),
    );
    expect(readdirSync(root)).toEqual([]);
    expect(node.requests.every(({ url }) => url.startsWith('/api/downstream/due/'))).toBe(true);
  });

  it('measures the chunks, which may have different sizes', async () => {
    const folder = join(root, 'chunks');
    mkdirSync(folder);
    for (const [n, bytes] of [40_000, 24_000].entries()) writeFileSync(join(folder, makeId(n)), Buffer.alloc(bytes));
    writeFileSync(join(folder, 'notes.txt'), 'no chunk');
    const { findings } = await run({ FARMER_SIZE: String(64_000 + 32 * 1024 ** 2) });
    expect(findings).toContainEqual(
      expect.objectContaining({
        check: 'space',
        level: 'ok',
        message: expect.stringContaining(': 2 chunks; 32 MiB of the capacity unused,'),
      }),
    );
  });

  it('does not create a missing directory', async () => {
    const path = join(root, 'a', 'b');
    expect(problems(await run({ FARMER_DATA_DIR: path }))).toEqual([]);
    expect(readdirSync(root)).toEqual([]);
  });

  it.each<[string, () => Record<string, string>, number, Finding['check'], string]>([
    ['an invalid setting', () => ({ FARMER_SIZE: 'x', FARMER_WORKERS: '0' }), 2, 'settings', 'FARMER_WORKERS'],
    ['an unknown variable', () => ({ FARMER_SIZES: '1GB' }), 1, 'settings', 'did you mean FARMER_SIZE?'],
    ['a proxy variable', () => ({ HTTPS_PROXY: 'http://p:1' }), 1, 'settings', 'use FARMER_PROXY'],
    ['a log file in a missing directory', () => ({ FARMER_LOG_PATH: '/none/log' }), 2, 'settings', 'FARMER_LOG_PATH'],
    ['an unreadable authority', () => ({ FARMER_CA_FILE: '/none' }), 2, 'node', 'FARMER_CA_FILE'],
    [
      'an unreachable node',
      () => ({ FARMER_NODE_URL: 'http://127.0.0.1:1' }),
      2,
      'node',
      'the connection to the node failed',
    ],
    [
      'a missing directory without --init',
      () => ({ FARMER_INIT: '', FARMER_DATA_DIR: '/none' }),
      2,
      'folder',
      '--init',
    ],
    ['a directory that cannot be created', () => ({ FARMER_DATA_DIR: '/proc/x' }), 2, 'folder', '/proc'],
    ['a capacity larger than the disk', () => ({ FARMER_SIZE: '8000TB' }), 1, 'space', 'larger than the file system'],
    ['a capacity of less than a chunk', () => ({ FARMER_SIZE: '31MiB' }), 2, 'space', 'is less than one chunk of'],
    ['a port in use', () => ({ FARMER_HTTP_PORT: new URL(node.url).port }), 2, 'port', 'is in use'],
    [
      'a genesis file with another hash',
      () => ({ FARMER_GENESIS: import.meta.filename, FARMER_GENESIS_SHA256: 'a'.repeat(64) }),
      2,
      'settings',
      'has the SHA-256',
    ],
  ])('reports %s', async (_, changes, code, name, message) => {
    const result = await run(changes());
    const expected = {
      check: name,
      level: code === 1 ? 'warning' : 'error',
      message: expect.stringContaining(message),
    };
    expect({ code: result.code, problems: problems(result) }).toEqual({
      code,
      problems: expect.arrayContaining([expected]),
    });
  });

  it('verifies the signature of an identity file', async () => {
    const path = join(root, 'identities.json');
    const message = 'test message';
    const signature = 'HyzVUenXXo4pa+kgm1vS8PNJM83eIXFC5r0q86FGbqFcdla6rcw72/ciXiEPfjli3ENfwWuESHhv6K9esI0dl5I=';
    const check = async (content: object) => {
      writeFileSync(path, JSON.stringify({ [ADDRESS]: content }));
      const env = { FARMER_IDENTITY_FILE: path, FARMER_DATA_DIR: join(root, 'data') };
      return (await run(env)).findings.filter(({ check: name }) => name === 'settings');
    };
    expect(await check({ message, signature })).toContainEqual({
      check: 'settings',
      level: 'ok',
      message: `the signature of ${ADDRESS} is valid`,
    });
    expect(await check({ message: 'another', signature })).toEqual([
      { check: 'settings', level: 'error', message: expect.stringContaining('the signature was not made by') },
    ]);
  });

  it('checks a node with its API, which it detects unless it is set', async () => {
    await using v1 = await rawServer((request, response) => {
      const isRoot = request.url?.endsWith('/v1/') === true;
      always(isRoot ? '{"msg":"ok"}' : '{"status":"error","message":"Nonexistent token."}', isRoot ? 200 : 404)(
        request,
        response,
      );
    });
    const FARMER_NODE_URL = `${v1.url},${node.url}`;
    const message = expect.stringContaining('serves the v1 API and responds in');
    for (const FARMER_PROTOCOL of ['auto', 'v1,auto']) {
      const { findings } = await run({ FARMER_NODE_URL, FARMER_PROTOCOL, FARMER_SIZE: '64MiB' });
      expect(findings.filter(({ check: name }) => name === 'node')).toEqual([
        { check: 'node', level: 'ok', message },
        { check: 'node', level: 'ok', message: expect.stringContaining('serves the prototype API') },
      ]);
    }
    const result = await run({ FARMER_NODE_URL: node.url, FARMER_PROTOCOL: 'v1' });
    expect(problems(result)).toMatchObject([{ check: 'node', level: 'error' }]);
  });

  it('warns of certificates that are not verified', async () => {
    const env = { FARMER_NODE_URL: 'https://127.0.0.1:1,http://127.0.0.1:2', FARMER_SSL_NO_VERIFY: 'true' };
    expect(problems(await run(env)).filter(({ check: name }) => name === 'settings')).toEqual([
      {
        check: 'settings',
        level: 'warning',
        message: expect.stringContaining('the certificate of https://127.0.0.1:1 is not verified'),
      },
    ]);
  });

  it('reports a directory with other files, and changes none', async () => {
    writeFileSync(join(root, 'thesis.txt'), 'of someone else');
    expect(problems(await run())).toEqual([
      { check: 'folder', level: 'error', message: expect.stringContaining('contains other files (thesis.txt)') },
    ]);
    expect(readdirSync(root)).toEqual(['thesis.txt']);
  });

  it('reports a node whose clock differs, and one that is no node', async () => {
    await using other = await rawServer((_request, response) => {
      response.writeHead(200, { Date: 'Mon, 01 Jan 2001 00:00:00 GMT' }).end('<html>');
    });
    expect(problems(await run({ FARMER_NODE_URL: other.url }))).toEqual([
      {
        check: 'node',
        level: 'error',
        message: expect.stringContaining('responds like no known node: check FARMER_NODE_URL'),
      },
      { check: 'clock', level: 'warning', message: expect.stringContaining('behind: check both clocks') },
    ]);
  });

  it('reports a state of other settings, and leaves no file beside it', async () => {
    const store = dir.open();
    const contracts = claimNode(store, { address: ADDRESS, nodes: [NODE] });
    contracts.saveToken('token of the node');
    contracts.insert(contract(1));
    dir.close();
    const before = readdirSync(dir.path).map((name) => [name, readFileSync(dir.join(name), 'latin1')]);
    const env = { FARMER_DATA_DIR: dir.path, FARMER_INIT: '' };
    expect(problems(await run(env))).toEqual([
      {
        check: 'state',
        level: 'error',
        message: expect.stringContaining('has 1 contract of the node http://node:5000'),
      },
    ]);
    expect(readdirSync(dir.path).map((name) => [name, readFileSync(dir.join(name), 'latin1')])).toEqual(before);
  });

  it('accepts the port of the farmer that runs in the directory, and changes nothing there', async () => {
    await control.open();
    mkdirSync(join(control.folder, 'chunks'));
    writeFileSync(join(control.folder, 'state.db'), '');
    const before = readdirSync(control.folder);
    await using page = await rawServer(always(JSON.stringify({ alias: 'me', address: ADDRESS })));
    const env = { FARMER_ALIAS: 'me', FARMER_DATA_DIR: control.folder, FARMER_HTTP_PORT: new URL(page.url).port };
    const result = await run(env);
    expect(problems(result)).toEqual([]);
    expect(result.findings).toContainEqual(
      expect.objectContaining({ check: 'port', message: expect.stringContaining('in use by this farmer') }),
    );
    expect(readdirSync(control.folder)).toEqual(before);
    expect(problems(await run({ ...env, FARMER_ALIAS: 'you' }))).toMatchObject([{ check: 'port', level: 'error' }]);
  });

  it('prints a line per finding and their number', async () => {
    const output = new FakeOutput();
    const env = { FARMER_ADDRESS: 'invalid' };
    expect(await check({ env }, { json: false }, output.print)).toBe(2);
    expect(output.text).toMatch(/^error {4}settings {2}FARMER_ADDRESS: /);
    expect(output.text).toMatch(/\nerrors: 1, warnings: 0\n$/);
  });
});

describe('readLimits', () => {
  const NOFILE = 'Max open files            1024                 4096                 files';
  it.each([
    [
      'version 2',
      {
        '/proc/self/limits': NOFILE,
        '/sys/fs/cgroup/memory.max': '536870912',
        '/sys/fs/cgroup/pids.max': 'max',
        '/sys/fs/cgroup/cpu.max': '50000 100000',
      },
      { openFiles: 1024, memoryBytes: 512 * 2 ** 20, tasks: undefined, cpus: 0.5 },
    ],
    [
      'version 1',
      {
        '/proc/self/limits': NOFILE,
        '/sys/fs/cgroup/memory/memory.limit_in_bytes': '9223372036854771712',
        '/sys/fs/cgroup/pids/pids.max': '50',
        '/sys/fs/cgroup/cpu/cpu.cfs_quota_us': '-1',
        '/sys/fs/cgroup/cpu/cpu.cfs_period_us': '100000',
      },
      { openFiles: 1024, memoryBytes: undefined, tasks: 50, cpus: undefined },
    ],
    ['no version', {}, { openFiles: undefined, memoryBytes: undefined, tasks: undefined, cpus: undefined }],
  ])('reads control groups of %s', (_, files: Record<string, string>, limits) => {
    expect(readLimits((path) => files[path])).toEqual(limits);
  });

  it('warns of each limit that is too low', () => {
    const low = { openFiles: 256, memoryBytes: 64 * 2 ** 20, tasks: 40, cpus: 0.5 };
    expect(checkLimits(low, { workers: 2 }).map(({ message }) => message)).toEqual([
      expect.stringContaining('only 256 open files are allowed'),
      expect.stringContaining('only 64 MiB of memory are allowed'),
      expect.stringContaining('only 40 threads are allowed: raise the limit of the container to 100'),
      expect.stringContaining('only 0.5 processors are allowed'),
    ]);
    const high = { openFiles: 1024, memoryBytes: 512 * 2 ** 20, tasks: 200, cpus: 1 };
    expect(checkLimits(high, { workers: 2 })).toMatchObject([{ level: 'ok' }]);
  });
});
