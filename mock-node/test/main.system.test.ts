import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { afterEach, describe, expect, it } from '@jest/globals';
import { CHILD_ENV } from '../../test/support/child-env.ts';
import { ADDRESS, API, setUpMockNode, sha256 } from './support/mock-node.ts';

const { start, url, path: filePath } = setUpMockNode();

describe('mock-node', () => {
  const children: ChildProcess[] = [];
  afterEach(() => {
    for (const child of children.splice(0)) child.kill('SIGKILL');
  });

  /** Runs the program and collects its output. `ended` is its exit code or the signal that killed it. */
  function run(env: Record<string, string>, ...flags: string[]) {
    const main = fileURLToPath(new URL('../src/main.ts', import.meta.url));
    const child = spawn(process.execPath, ['--conditions=downstream-source', main, ...flags], {
      env: { ...CHILD_ENV, MOCK_PORT: '0', MOCK_CONTROL_PORT: '0', ...env },
    });
    children.push(child);
    const written = { out: '', err: '' };
    child.stdout.on('data', (piece) => {
      written.out += piece;
    });
    child.stderr.on('data', (piece) => {
      written.err += piece;
    });
    const ended = once(child, 'close').then(([code, signal]) => signal ?? code);
    const ready = async () => {
      while (!written.out.includes('\n')) {
        if ((await Promise.race([once(child.stdout, 'data'), ended.then(() => undefined)])) === undefined)
          throw new Error(`it ended: ${written.err}`);
      }
      return `http://127.0.0.1:${/api=:(\d+)/.exec(written.out)?.[1]}`;
    };
    return { child, written, ended, ready };
  }

  it.each(['SIGTERM', 'SIGINT'] as const)(
    'prints one line when it is ready and exits cleanly on %s',
    async (signal) => {
      const { child, written, ended, ready } = run({ MOCK_SEED: '7' });
      // A keep-alive connection must not keep the process alive.
      expect(await (await fetch(`${await ready()}/healthz`)).json()).toEqual({ status: 'ok' });
      child.kill(signal);
      expect(await ended).toBe(0);
      expect(written.out).toMatch(/^mock-node ready api=:\d+ control=:\d+ seed=7\n$/);
      expect(written.err).toBe('');
    },
  );

  it('prints nothing about an aborted download', async () => {
    const genesis = Buffer.alloc(32 * 1024 * 1024);
    writeFileSync(filePath('large'), genesis);
    const { child, written, ended, ready } = run({
      MOCK_GENESIS: filePath('large'),
      MOCK_GENESIS_SHA256: sha256(genesis),
      MOCK_CONTRACT_FORM: 'url',
    });
    const node = await ready();
    const { token } = (await (await fetch(`${node}${API}/new/${ADDRESS}`)).json()) as { token: string };
    const contract = (await (await fetch(`${node}${API}/chunk/${token}`)).json()) as { url: string };
    const hurry = new AbortController();
    const reader = (await fetch(contract.url, { signal: hurry.signal })).body?.getReader();
    expect((await reader?.read())?.value?.length).toBeGreaterThan(0);
    hurry.abort();
    // A few requests, so that the node has time to notice.
    for (let n = 0; n < 50; n++) expect((await fetch(`${node}/healthz`)).status).toBe(200);
    child.kill('SIGTERM');
    expect(await ended).toBe(0);
    expect(written.err).toBe('');
  });

  it('rejects invalid settings and names the variable, the value and what is allowed', async () => {
    const { written, ended } = run({ MOCK_INTERVAL: 'soon', MOCK_CONTRACT_FORM: 'paper' });
    expect(await ended).toBe(2);
    expect(written).toEqual({
      out: '',
      err: [
        'error: MOCK_INTERVAL: expected seconds from 1 to 31536000 (got "soon")',
        'error: MOCK_CONTRACT_FORM: expected secret or url (got "paper")',
        '',
      ].join('\n'),
    });
  });

  it.each([
    ['MOCK_SCENARIO', (pipe: string) => ({ MOCK_SCENARIO: pipe })],
    ['MOCK_GENESIS', (pipe: string) => ({ MOCK_GENESIS: pipe, MOCK_GENESIS_SHA256: sha256('') })],
  ])('rejects a pipe as %s without waiting for its writer', async (_, settings) => {
    execFileSync('mkfifo', [filePath('pipe')]);
    const { written, ended } = run(settings(filePath('pipe')));
    expect(await ended).toBe(2);
    expect(written.err).toMatch(/^error: .*\/pipe.*not a regular file.*\n$/);
  });

  it('shows no token of invalid settings and arguments', async () => {
    const runs = [
      run({ MOCK_CONTROL_TOKEN: 'hunter2' }),
      run({}, '--control-token', 'hunter2 hunter2'),
      run({}, '--control-tokens=hunter2'),
      run({}, 'hunter2'),
    ];
    for (const { written, ended } of runs) {
      expect(await ended).toBe(2);
      expect(written.err).toMatch(/^error: ./);
      expect(written.err).not.toContain('hunter2');
    }
  });

  it('prefers a flag to its variable', async () => {
    const { written, ended } = run({ MOCK_INTERVAL: '60', MOCK_PROT: '1' }, '--interval', 'later');
    expect(await ended).toBe(2);
    expect(written.err).toMatch(
      /^warning: unknown environment variable MOCK_PROT: did you mean MOCK_PORT\?\nerror: --interval: expected/,
    );
  });

  it('rejects an unknown flag, and prints help and version on request', async () => {
    const [wrong, help, version] = [run({}, '--prot', '1'), run({}, 'help'), run({}, '--version')];
    expect([await wrong.ended, await help.ended, await version.ended]).toEqual([2, 0, 0]);
    expect(wrong.written.err).toContain('Did you mean --port?');
    expect(help.written.out).toMatch(/--max-contracts <count> .*\(default: 10000; MOCK_MAX_CONTRACTS\).*Exit codes:/s);
    expect(version.written.out).toMatch(/^\d+\.\d+\.\d+ \(commit [a-z\d]+\)\n$/);
  });

  it('reports a port in use and names the setting', async () => {
    await start();
    const { port } = new URL(url());
    const { written, ended } = run({ MOCK_PORT: port });
    expect(await ended).toBe(2);
    expect(written.err).toMatch(new RegExp(`^error: port ${port} .*in use.*MOCK_PORT\n$`));
    const flagged = run({}, '--port', port);
    expect(await flagged.ended).toBe(2);
    expect(flagged.written.err).toContain('choose another port with --port\n');
  });
});
