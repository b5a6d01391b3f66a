import { readdirSync, rmSync, writeFileSync } from 'node:fs';
import { request as ask, createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { describe, expect, it } from '@jest/globals';
import { createListLogger, TestFarm, until } from './support/test-farm.ts';

/** Stands between farmer and node, and notes everything that nobody else may see. */
async function eavesdropper(node: { url: string }) {
  const overheard = new Set<string>();
  let answer: ((body: string) => string | undefined) | undefined;
  const server = createServer((request, response) => {
    const [, , , route, token, , last] = (request.url ?? '').split('/');
    if (token !== undefined && route !== 'new' && route !== 'download') overheard.add(token);
    if (route === 'challenge' && last !== undefined) overheard.add(last);
    const onwards = ask(
      node.url + request.url,
      { method: request.method ?? 'GET', headers: request.headers },
      (reply) => {
        const pieces: Buffer[] = [];
        reply.on('data', (piece: Buffer) => pieces.push(piece));
        reply.on('end', () => {
          const body = Buffer.concat(pieces).toString();
          for (const [, secret = ''] of body.matchAll(/"(?:token|secret)":"([^"]+)"/g)) overheard.add(secret);
          const changed = answer?.(body);
          response.writeHead(changed === undefined ? (reply.statusCode ?? 500) : 502, { 'Content-Type': 'text/html' });
          response.end(changed ?? Buffer.concat(pieces));
        });
      },
    );
    onwards.on('error', () => response.destroy());
    request.pipe(onwards);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  return {
    url: `http://127.0.0.1:${port}`,
    overheard,
    /** From now on, replies are what `make` makes of them. */
    tamper: (make: typeof answer) => {
      answer = make;
    },
    [Symbol.asyncDispose]: async () => {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

/** What the page is sent first: everything that it can show. */
async function firstEvent(url: string): Promise<string> {
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

describe('a whole run, with everything logged', () => {
  it('tells no token, no secret and no response: in no log, metric, status, page or event', async () => {
    await using farm = new TestFarm();
    const nodeLines: string[] = [];
    const node = await farm.node({}, { log: createListLogger(nodeLines) });
    await using between = await eavesdropper(node);
    let farmer = await farm.farmer(between.url);
    const told: string[] = [];
    const listen = async () => {
      const pages = ['/metrics', '/status', '/readyz', '/', `/${[...between.overheard][0]}`];
      for (const page of pages) told.push(await (await fetch(farmer.url + page)).text());
      told.push(await firstEvent(farmer.url));
    };
    const says = async (message: string) =>
      await until(
        () => farmer.lines.join(''),
        (lines) => lines.includes(message),
      );

    await until(farmer.status, ({ challenges, contracts }) => contracts.waiting === 5 && challenges.passed >= 5);
    await listen();

    const [rotten = ''] = readdirSync(join(farm.dataDir, 'chunks'));
    writeFileSync(join(farm.dataDir, 'chunks', rotten), 'rotten');
    await says('chunk unreadable, rebuilding');

    // Errors that hold what was sent: HTML with the request's path, JSON that is cut, a listing of strangers.
    between.tamper((body) => `<html>502 for ${[...between.overheard].join(' ')} ${body}`);
    await says('listing failed');
    await listen();
    between.tamper((body) => body.slice(0, -2));
    await until(
      () => farmer.lines.filter((line) => line.includes('listing failed')).length,
      (n) => n > 2,
    );
    between.tamper(() => '{"status":"no_token"}');
    await says('token rejected by node');
    between.tamper(undefined);
    await until(farmer.status, ({ contracts }) => contracts.waiting === 5);

    await farmer.stop();
    rmSync(join(farm.dataDir, 'chunks'), { recursive: true });
    told.push(...farmer.lines);
    farmer = await farm.farmer(between.url);
    await until(farmer.status, ({ contracts }) => contracts.waiting === 5);
    await listen();
    await farmer.stop();

    told.push(...farmer.lines, ...nodeLines);
    const everything = told.join('\n');
    expect(everything).toContain('request served');
    expect(everything).toContain('"sections":');
    expect(between.overheard.size).toBeGreaterThan(10);
    expect([...between.overheard].filter((secret) => everything.includes(secret))).toEqual([]);
  });
});
