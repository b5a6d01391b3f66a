import { once } from 'node:events';
import { readFileSync, statSync, writeFileSync } from 'node:fs';
import { request as sendRequest } from 'node:http';
import { createServer } from 'node:https';
import { join } from 'node:path';
import { describe, expect, it } from '@jest/globals';
import { CERTIFICATE, KEY } from '../farmer/test/fakes/tls.ts';
import { ChildService } from './support/child-service.ts';
import { Terminal } from './support/terminal.ts';
import { ADDRESS, CHUNK_BYTES, TestFarm } from './support/test-farm.ts';

/** Settings that the original farmer does not have. */
function env({ genesis }: TestFarm): Record<string, string> {
  return {
    FARMER_GENESIS: genesis.genesisPath,
    FARMER_GENESIS_SHA256: genesis.genesisSha256,
    FARMER_MIN_FREE: '0',
    FARMER_HTTP_PORT: '0',
  };
}

/** Terminates TLS for a node, with a certificate of a private authority. */
async function startTlsProxy(nodeUrl: string) {
  const server = createServer({ cert: CERTIFICATE, key: KEY }, (request, response) => {
    const forwarded = sendRequest(nodeUrl + request.url, { headers: request.headers }, (upstream) => {
      response.writeHead(upstream.statusCode ?? 500, upstream.headers);
      upstream.pipe(response);
    });
    request.pipe(forwarded);
  });
  await once(server.listen(0, '127.0.0.1'), 'listening');
  const address = server.address();
  const port = typeof address === 'object' && address !== null ? address.port : 0;
  return {
    url: `https://localhost:${port}`,
    [Symbol.asyncDispose]: async () => {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

/** Of "test message", by the owner of the address. */
const SIGNATURE = 'HyzVUenXXo4pa+kgm1vS8PNJM83eIXFC5r0q86FGbqFcdla6rcw72/ciXiEPfjli3ENfwWuESHhv6K9esI0dl5I=';
const FARM = ['-s', String(5 * CHUNK_BYTES), '-a', ADDRESS];
const STOPPED = /"message":"farmer stopped","passed":(\d+)/;

describe('downstream with the flags of the original farmer', () => {
  it('exits with 0 after as many passed challenges as -n demands, and continues its farm later', async () => {
    await using farm = new TestFarm();
    const node = await farm.startNode({ intervalMs: 1_000 });
    let total = 0;
    for (const count of [3, 12]) {
      const args = ['-n', String(count), ...FARM, '-d', farm.dataDir, node.url];
      await using child = new ChildService('farmer', { args, env: env(farm) });
      expect(await child.exit).toEqual({ code: 0, signal: null });
      expect(child.output).toContain('"message":"farmer stopping","reason":"challenges passed"');
      const passed = Number(STOPPED.exec(child.output)?.[1]);
      expect(passed).toBeGreaterThanOrEqual(count);
      total += passed;
    }
    const { farmers, contracts, challenges } = node.controller.getInfo();
    expect({ farmers, contracts: contracts.due + contracts.settled, passed: challenges.passed }).toEqual({
      farmers: 1,
      contracts: 5,
      passed: total,
    });
  });

  it('appends its log to the file of --log-path, and with --quiet to nothing else', async () => {
    await using farm = new TestFarm();
    const node = await farm.startNode();
    const path = join(farm.folder, 'farmer.log');
    const args = ['-n', '1', ...FARM, '-d', farm.dataDir, '--log-path', path, node.url];
    const readLog = () => readFileSync(path, 'utf8').trimEnd().split('\n');
    const messages = () => readLog().map((line) => JSON.parse(line).message);
    {
      await using child = new ChildService('farmer', { args, env: env(farm) });
      await child.exit;
      expect(child.output.trimEnd().split('\n')).toEqual(readLog());
      expect(messages().at(-1)).toBe('farmer stopped');
      expect(statSync(path).mode & 0o777).toBe(0o600);
    }
    await using quiet = new ChildService('farmer', { args: ['--quiet', ...args], env: env(farm) });
    await quiet.exit;
    expect(quiet.output).toBe('');
    expect(messages().filter((message) => message === 'farmer stopped')).toHaveLength(2);
  });

  it('prints its log without a progress bar with --print-log, even if it is also --quiet', async () => {
    await using farm = new TestFarm();
    const node = await farm.startNode();
    const all = { ...farm.env(node.url), FARMER_SIZE: '1MB', FARMER_PRINT_LOG: 'true', FARMER_QUIET: 'true' };
    await using terminal = new Terminal('farmer/src/main.ts', all);
    await terminal.waitFor(/farmer status/);
    expect(await terminal.stopService()).toBe(0);
    expect(terminal.shown).not.toContain('chunks ');
  });

  it('uses the tokens of -p and -t, requests a new one with -f, and keeps one with contracts', async () => {
    await using farm = new TestFarm();
    const node = await farm.startNode();
    const historyPath = join(farm.folder, 'history.json');
    const run = async (folder: string, ...flags: string[]) => {
      const args = ['-n', '1', ...FARM, '-d', join(farm.folder, folder), ...flags];
      await using child = new ChildService('farmer', { args, env: env(farm) });
      expect({ ...(await child.exit), output: child.output }).toMatchObject({ code: 0 });
      return { output: child.output, farmers: node.controller.getInfo().farmers };
    };
    const readToken = () => JSON.parse(readFileSync(historyPath, 'utf8')).nodes[node.url].token;

    expect((await run('first', '-p', historyPath, `${node.url}/`)).farmers).toBe(1);
    const token = readToken();
    // The history names the node.
    expect((await run('second', '-p', historyPath)).farmers).toBe(1);
    expect((await run('third', '-t', token, node.url)).farmers).toBe(1);
    expect((await run('fourth', '-f', '-p', historyPath)).farmers).toBe(2);
    expect(readToken()).not.toBe(token);
    const { output, farmers } = await run('first', '-f', node.url);
    expect(farmers).toBe(2);
    expect(output).toMatch(/"message":"token setting ignored".*"setting":"FARMER_FORCENEW"/);
    expect(output).not.toContain(token);
  });

  it.each(['merkle', 'swizzle'] as const)(
    'proves with -i to a node of the v1 API who owns the address: %s',
    async (scheme) => {
      await using farm = new TestFarm();
      const node = await farm.startNode({ scheme, requiresSignature: true, chunkSizesBytes: [CHUNK_BYTES] });
      const path = join(farm.folder, 'identities.json');
      const args = ['-n', '3', ...FARM, '-d', farm.dataDir, '--protocol', 'v1', '--log-level', 'debug', node.url];
      {
        await using anonymous = new ChildService('farmer', { args, env: env(farm) });
        await anonymous.waitFor(/registration failed/);
        anonymous.send('SIGTERM');
        expect(await anonymous.exit).toEqual({ code: 0, signal: null });
      }
      writeFileSync(path, JSON.stringify({ [ADDRESS]: { message: 'test message', signature: SIGNATURE } }));
      await using child = new ChildService('farmer', { args: ['-i', path, ...args], env: env(farm) });
      expect({ ...(await child.exit), output: child.output }).toMatchObject({ code: 0 });
      const passed = Number(STOPPED.exec(child.output)?.[1]);
      expect(passed).toBeGreaterThanOrEqual(3);
      expect(node.controller.getInfo().challenges.passed).toBe(passed);
      expect(child.output).not.toContain(SIGNATURE);
    },
  );

  it('accepts any certificate of the node with --ssl-no-verify, and warns of it', async () => {
    await using farm = new TestFarm();
    const node = await farm.startNode();
    await using secure = await startTlsProxy(node.url);
    const args = ['-n', '1', ...FARM, '-d', farm.dataDir, secure.url];
    await using verifying = new ChildService('farmer', { args, env: env(farm) });
    await verifying.waitFor(/set FARMER_CA_FILE.*registration failed/);
    verifying.send('SIGTERM');
    await verifying.exit;
    await using trusting = new ChildService('farmer', { args: ['--ssl-no-verify', ...args], env: env(farm) });
    expect(await trusting.exit).toEqual({ code: 0, signal: null });
    expect(trusting.output).toMatch(/"level":"warn","message":"node certificate not verified"/);
  });

  it('reports a log file that cannot be opened', async () => {
    await using farm = new TestFarm();
    const args = [...FARM, '-n', '1', '--log-path', '/nonexistent/farmer.log', 'http://127.0.0.1:1'];
    await using child = new ChildService('farmer', { args, env: env(farm) });
    expect(await child.exit).toEqual({ code: 2, signal: null });
    expect(child.output).toBe(
      'error: --log-path: the log file /nonexistent/farmer.log cannot be opened (ENOENT): check the path and its permissions\n',
    );
  });
});
