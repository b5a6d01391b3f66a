import { spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { describe, expect, it } from '@jest/globals';
import { TestFarm, until } from './support/test-farm.ts';

const MAIN = join(import.meta.dirname, '../farmer/src/main.ts');

/** A node with a common word as its token. It lists contracts that the farmer did not accept, and accepts releases. */
async function startHostileNode({ token, contracts }: { token: string; contracts: number }) {
  const hashes = Array.from({ length: contracts }, (_, n) => createHash('sha256').update(`${n}`).digest('hex'));
  const listing = JSON.stringify({ all_contracts: hashes.map((hash) => ({ hash })), due_contracts: [] });
  let releases = 0;
  const server = createServer(({ method, url = '' }, response) => {
    if (method === 'DELETE') releases += 1;
    if (method === 'DELETE') response.end('{"status":"ok"}');
    else if (url.includes('/new/')) response.end(JSON.stringify({ token }));
    else if (url.endsWith(`/due/${token}`)) response.end(listing);
    else response.end(url.includes('/due/') ? '{"status":"no_token"}' : '{"status":"no_chunks"}');
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    releases: () => releases,
    [Symbol.dispose]: () => {
      server.close();
      server.closeAllConnections();
    },
  };
}

describe('A farmer with a hostile node', () => {
  it('writes correct lines about the other node, and sends few releases', async () => {
    await using farm = new TestFarm();
    const honest = await farm.startNode();
    using hostile = await startHostileNode({ token: 'challenge', contracts: 1_000 });
    const env = {
      ...farm.env(`${honest.url},${hostile.url}`),
      FARMER_NODE_ALIAS: 'honest,hostile',
      FARMER_INIT: 'true',
      FARMER_LOG_FORMAT: 'json',
    };
    for (let run = 0; run < 2; run++) {
      const farmer = spawn(process.execPath, ['--conditions=downstream-source', MAIN], { env });
      using _ = { [Symbol.dispose]: () => farmer.kill('SIGKILL') };
      let output = '';
      farmer.stdout.on('data', (piece) => {
        output += piece;
      });
      const releasedBefore = hostile.releases();
      const start = performance.now();
      await until(
        () => output,
        (text) => text.split('challenge passed').length > 5,
      );
      await until(
        () => hostile.releases() - releasedBefore,
        (count) => count >= 10,
      );
      const seconds = (performance.now() - start) / 1_000;
      expect(hostile.releases() - releasedBefore).toBeLessThanOrEqual(5 * seconds + 1);
      farmer.kill('SIGTERM');
      expect(await once(farmer, 'exit')).toEqual([0, null]);
      const lines = output
        .trim()
        .split('\n')
        .map((line) => JSON.parse(line));
      const about = lines.filter(({ node }) => node === 'honest');
      expect(new Set(about.map(({ message }) => message))).toContain('challenge passed');
      expect(new Set(about.map(({ route }) => route))).toContain('challenge');
      for (const line of lines)
        expect(line).toMatchObject({ level: expect.any(String), timestamp: expect.any(String) });
      expect(lines.filter(({ message }) => message === 'unknown contract released').length).toBeLessThanOrEqual(20);
    }
  });
});
