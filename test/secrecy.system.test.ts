import { rmSync, writeFileSync } from 'node:fs';
import { createServer, request as sendRequest } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { describe, expect, it } from '@jest/globals';
import { createListLogger, listChunks, TestFarm, until } from './support/test-farm.ts';

/** A proxy proxy farmer and node that records every token, secret and response. */
async function startRecordingProxy(node: { url: string }) {
  const recorded = new Set<string>();
  let replaceBody: ((body: string) => string | undefined) | undefined;
  const server = createServer((request, response) => {
    const [, , , route, token, , last] = (request.url ?? '').split('/');
    if (token !== undefined && route !== 'new' && route !== 'download') recorded.add(token);
    if (route === 'challenge' && last !== undefined) recorded.add(last);
    const forwarded = sendRequest(
      node.url + request.url,
      { method: request.method ?? 'GET', headers: request.headers },
      (upstream) => {
        const pieces: Buffer[] = [];
        upstream.on('data', (piece: Buffer) => pieces.push(piece));
        upstream.on('end', () => {
          const body = Buffer.concat(pieces).toString();
          for (const [, secret = ''] of body.matchAll(/"(?:token|secret)":"([^"]+)"/g)) recorded.add(secret);
          const changed = replaceBody?.(body);
          response.writeHead(changed === undefined ? (upstream.statusCode ?? 500) : 502, {
            'Content-Type': 'text/html',
          });
          response.end(changed ?? Buffer.concat(pieces));
        });
      },
    );
    forwarded.on('error', () => response.destroy());
    request.pipe(forwarded);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  return {
    url: `http://127.0.0.1:${port}`,
    recorded,
    /** Replaces the bodies of later responses; `undefined` keeps them. */
    tamper: (replace: typeof replaceBody) => {
      replaceBody = replace;
    },
    [Symbol.asyncDispose]: async () => {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

/** Returns the first event of the page, which contains everything that it shows. */
async function readFirstEvent(url: string): Promise<string> {
  const leave = new AbortController();
  const { body } = await fetch(`${url}/events`, { signal: leave.signal });
  let text = '';
  for await (const piece of body?.pipeThrough(new TextDecoderStream()) ?? []) {
    text += piece;
    if (/data: .*\n\n/.test(text)) break;
  }
  leave.abort();
  return text;
}

describe('A farmer at log level debug', () => {
  it('reveals no token, secret or response in logs, metrics, status, page or events', async () => {
    await using farm = new TestFarm();
    const nodeLines: string[] = [];
    const node = await farm.startNode({}, { log: createListLogger(nodeLines) });
    await using proxy = await startRecordingProxy(node);
    let farmer = await farm.startFarmer(proxy.url);
    const output: string[] = [];
    const readAll = async () => {
      const pages = ['/metrics', '/status', '/readyz', '/', `/${[...proxy.recorded][0]}`];
      for (const page of pages) output.push(await (await fetch(farmer.url + page)).text());
      output.push(await readFirstEvent(farmer.url));
    };
    const waitForLog = async (message: string) =>
      await until(
        () => farmer.lines.join(''),
        (lines) => lines.includes(message),
      );

    await until(farmer.status, ({ challenges, contracts }) => contracts.waiting === 5 && challenges.passed >= 5);
    await readAll();

    const [corrupt = ''] = listChunks(farm.dataDir);
    writeFileSync(join(farm.dataDir, 'chunks', corrupt), 'corrupt');
    await waitForLog('chunk unreadable, rebuilding');

    // Errors that contain what was sent: HTML with secrets, truncated JSON, an unknown token.
    proxy.tamper((body) => `<html>502 for ${[...proxy.recorded].join(' ')} ${body}`);
    await waitForLog('listing failed');
    await readAll();
    proxy.tamper((body) => body.slice(0, -2));
    await until(
      () => farmer.lines.filter((line) => line.includes('listing failed')).length,
      (n) => n > 2,
    );
    proxy.tamper(() => '{"status":"no_token"}');
    await waitForLog('token rejected by node');
    proxy.tamper(undefined);
    await until(farmer.status, ({ contracts }) => contracts.waiting === 5);

    await farmer.stop();
    rmSync(join(farm.dataDir, 'chunks'), { recursive: true });
    output.push(...farmer.lines);
    farmer = await farm.startFarmer(proxy.url);
    await until(farmer.status, ({ contracts }) => contracts.waiting === 5);
    await readAll();
    await farmer.stop();

    output.push(...farmer.lines, ...nodeLines);
    const all = output.join('\n');
    expect(all).toContain('request served');
    expect(all).toContain('"sections":');
    expect(proxy.recorded.size).toBeGreaterThan(10);
    expect([...proxy.recorded].filter((secret) => all.includes(secret))).toEqual([]);
  });
});
