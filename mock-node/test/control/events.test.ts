import { once } from 'node:events';
import { createServer, type Server } from 'node:http';
import { type AddressInfo, connect, type Socket } from 'node:net';
import type { ControllerEvent } from '@downstream/control-api';
import { afterEach, describe, expect, it } from '@jest/globals';
import { EventStreams, type EventStreamsOptions } from '../../src/control/event-streams.ts';
import { ControllerEvents } from '../../src/node-controller.ts';
import { setUpControlApi } from '../support/control-api.ts';
import { API } from '../support/mock-node.ts';

const { start, ask, farm, get, controller, newToken, close, controlUrl } = setUpControlApi();

/** Reads a stream piece by piece. */
function createReader(response: Response) {
  const reader = response.body?.pipeThrough(new TextDecoderStream()).getReader();
  let text = '';
  return {
    /** The text so far, once it contains `what`. */
    async until(wanted: string): Promise<string> {
      while (!text.includes(wanted)) {
        const piece = await reader?.read();
        if (piece?.value === undefined) throw new Error(`it ended without ${wanted}: ${text.slice(-500)}`);
        text += piece.value;
      }
      return text;
    },
    /** The complete text. @throws if the connection is cut */
    async rest(): Promise<string> {
      for (let piece = await reader?.read(); piece?.value !== undefined; piece = await reader?.read())
        text += piece.value;
      return text;
    },
    leave: async () => await reader?.cancel(),
  };
}

const listen = async () => await fetch(`${controlUrl()}/__admin/events`);
const eventsIn = (text: string) => [...text.matchAll(/^data: (.*)$/gm)].map(([, data = '']) => JSON.parse(data));

describe('the event stream', () => {
  it('begins with the clock and reports events in order', async () => {
    await start();
    const response = await listen();
    expect(response.headers.get('content-type')).toBe('text/event-stream; charset=utf-8');
    const reader = createReader(response);
    await ask('POST', '/faults', { body: { name: 'late', match: { route: 'due' }, effect: { kind: 'fixed', ms: 1 } } });
    const { hash, token, answer } = await farm();
    await answer();
    await get(`${API}/due/${token}`);
    await ask('POST', `/contracts/${hash}/expire`);
    await ask('POST', '/clock/advance', { body: { ms: 1_000 } });
    await ask('POST', '/reset', { body: { parts: ['requests'] } });
    const events = eventsIn(await reader.until('"reset"'));
    await reader.leave();
    expect(events.filter(({ type }) => type !== 'request')).toEqual([
      { type: 'clock', clock: { mode: 'real', scale: 1, now: '1970-01-01T00:16:40.000Z' } },
      { type: 'fault', change: 'added', name: 'late' },
      { type: 'contract', change: 'accepted', hash },
      { type: 'challenge', hash, result: 'passed', count: 1 },
      { type: 'fault', change: 'applied', name: 'late' },
      { type: 'contract', change: 'ended', hash, reason: 'expired' },
      { type: 'clock', clock: { mode: 'real', scale: 1, now: '1970-01-01T00:16:41.000Z' } },
      { type: 'reset', parts: ['requests'] },
    ]);
    const requests = events.flatMap(({ request }) => (request === undefined ? [] : [request.route]));
    expect(requests).toEqual(['new', 'chunk', 'challenge', 'due']);
  });

  it('contains no secrets', async () => {
    await start();
    const reader = createReader(await listen());
    const { token, secret, response, answer } = await farm();
    await answer();
    const text = await reader.until('"route":"challenge"');
    await reader.leave();
    for (const own of [token, secret, response]) expect(text).not.toContain(own);
  });

  it('ends regularly when the node closes, as do waiting requests', async () => {
    await start();
    const reader = createReader(await listen());
    await reader.until('"clock"');
    const waiting = ask('GET', '/requests/wait?timeoutMs=60000');
    await ask('GET', '/info');
    await close();
    expect(eventsIn(await reader.rest())).toHaveLength(1);
    expect(await waiting.catch(() => 'not even begun')).toMatchObject({ status: 408 });
  });

  it('has at most 32 clients at a time', async () => {
    await start();
    const readers = (await Promise.all(Array.from({ length: 32 }, listen))).map(createReader);
    const refused = await ask('GET', '/events');
    expect(refused).toMatchObject({ status: 503, json: { status: 'error' } });
    expect(refused.headers.get('retry-after')).toBe('10');
    await readers[0]?.leave();
    let late = await listen();
    for (let n = 0; n < 1_000 && late.status !== 200; n++) late = await listen();
    expect(late.status).toBe(200);
    for (const reader of [...readers.slice(1), createReader(late)]) await reader.leave();
  });

  it('delivers the events of twenty thousand contracts at once', async () => {
    await start({ maxContracts: 20_000 });
    takeMany(20_000, await newToken());
    const reader = createReader(await listen());
    await reader.until('"clock"');
    await ask('POST', '/clock/advance', { body: { ms: 60_000 } });
    await ask('POST', '/reset');
    const events = eventsIn(await reader.until('"reset"'));
    await reader.leave();
    expect(events.filter(({ type }) => type === 'challenge')).toHaveLength(20_000);
    expect(events.filter(({ type }) => type === 'contract')).toHaveLength(20_000);
  });

  /** Contracts without real chunks. */
  function takeMany(count: number, token: string): void {
    const { ledger, clock } = controller();
    const now = clock.now();
    for (let n = 0; n < count; n++) {
      const { index, secret } = ledger.reserveContract(now) ?? { index: -1, secret: '' };
      const fileHash = index.toString(16).padStart(64, '0');
      const chunk = { fileHash, sizeBytes: 100, secret, verifier: { response: () => '' } };
      ledger.digests.start(token, { index, chunk, intervalMs: 60_000 }, now);
    }
  }
});

describe('EventStreams', () => {
  const FIRST: ControllerEvent = { type: 'config' };
  let server: Server | undefined;
  afterEach(async () => {
    server?.closeAllConnections();
    await new Promise((resolve) => server?.close(resolve) ?? resolve(undefined));
    server = undefined;
  });

  /** Streams on a separate server, and a client that reads only on request. */
  async function streaming(options: EventStreamsOptions = {}) {
    const events = new ControllerEvents();
    const streams = new EventStreams(events, options);
    const gone: number[] = [];
    let joined = 0;
    server = createServer((_request, response) => {
      const index = joined++;
      response.once('close', () => gone.push(index));
      streams.add(response, FIRST);
    });
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    const { port } = server.address() as AddressInfo;
    return {
      events,
      gone,
      join: async (): Promise<{ socket: Socket; text: () => string }> => {
        const socket = connect(port, '127.0.0.1');
        let text = '';
        socket
          .on('error', () => {})
          .setEncoding('utf8')
          .on('data', (piece) => {
            text += piece;
          });
        socket.write('GET / HTTP/1.1\r\nHost: a\r\n\r\n');
        while (!text.includes('"config"')) await once(socket, 'data');
        return { socket, text: () => text };
      },
    };
  }

  /** An event that counts how often it is formatted. */
  function counted() {
    const times = { count: 0 };
    const event: ControllerEvent = {
      get type() {
        times.count += 1;
        return 'scenario' as const;
      },
      name: 'counted',
    };
    return { event, times };
  }

  it('formats each event once for all clients', async () => {
    const { events, join } = await streaming();
    const listeners = [await join(), await join(), await join()];
    const { event, times } = counted();
    for (let n = 0; n < 100; n++) events.emit(event);
    for (const { socket, text } of listeners)
      while ([...text().matchAll(/"counted"/g)].length < 100) await once(socket, 'data');
    expect(times.count).toBe(100);
  });

  it('formats no events without clients', async () => {
    const { events, gone, join } = await streaming();
    const { event, times } = counted();
    events.emit(event);
    const { socket } = await join();
    socket.destroy();
    while (gone.length === 0) await new Promise(setImmediate);
    events.emit(event);
    expect(times.count).toBe(0);
  });

  it('sends heartbeats', async () => {
    const { join } = await streaming({ heartbeatMs: 5 });
    const { socket, text } = await join();
    while ([...text().matchAll(/^: heartbeat$/gm)].length < 3) await once(socket, 'data');
  });

  it('disconnects a client with too large a backlog and continues for the others', async () => {
    const { events, gone, join } = await streaming({ maxBacklogBytes: 64 * 1024 });
    const [slow, quick] = [await join(), await join()];
    slow.socket.pause();
    let sent = 0;
    while (gone.length === 0) {
      events.emit({ type: 'scenario', name: `${sent++} ${'x'.repeat(10_000)}` });
      await new Promise(setImmediate);
    }
    expect(gone).toEqual([0]);
    events.emit({ type: 'scenario', name: 'the last' });
    while (!quick.text().includes('the last')) await once(quick.socket, 'data');
    expect([...quick.text().matchAll(/^data: /gm)]).toHaveLength(sent + 2);
  });
});
