import { once } from 'node:events';
import type { RequestListener } from 'node:http';
import { connect, type Socket } from 'node:net';
import { type HttpServer, listen } from '@downstream/platform';
import { afterEach, describe, expect, it } from '@jest/globals';

const REQUEST = 'GET / HTTP/1.1\r\nHost: x\r\n\r\n';
const greet: RequestListener = (_request, response) => response.end('hello');

const sockets: Socket[] = [];
let server: HttpServer;
afterEach(async () => {
  for (const socket of sockets.splice(0)) socket.destroy();
  await server.close();
});

async function start(limits: { max: number; maxPerClient: number }, handler = greet): Promise<void> {
  server = await listen(handler, { host: '127.0.0.1', port: 0, setting: 'X_PORT', limits });
}

/** Opens a connection, from another address of this machine if given. */
async function open(localAddress = '127.0.0.1'): Promise<Socket> {
  const socket = connect({ port: server.port, host: '127.0.0.1', localAddress });
  socket.on('error', () => {});
  sockets.push(socket);
  await once(socket, 'connect');
  return socket;
}

const openMany = async (count: number, localAddress?: string) => {
  const opened: Socket[] = [];
  for (let n = 0; n < count; n++) opened.push(await open(localAddress));
  return opened;
};

async function send(socket: Socket): Promise<string> {
  socket.write(REQUEST);
  const [reply] = await once(socket, 'data');
  return String(reply);
}

/** The indices of the connections that the server has closed. */
async function findClosed(opened: readonly Socket[]): Promise<number[]> {
  // The answer to a later request shows that the server has processed what came before.
  expect(await send(await open('127.0.0.9'))).toContain('hello');
  await Promise.all(opened.map(async (socket) => await new Promise((done) => socket.write('', done))));
  return opened.flatMap(({ readable }, at) => (readable ? [] : [at]));
}

describe('limitConnections', () => {
  it('closes a connection without a request first, then the one that has been idle the longest', async () => {
    await start({ max: 4, maxPerClient: 4 });
    const [first, second] = await openMany(2);
    if (first === undefined || second === undefined) throw new Error('no connection');
    for (const socket of [second, first]) expect(await send(socket)).toContain('hello');
    const silent = await openMany(2);
    for (const expected of [...silent, second]) {
      expect(await send(await open())).toContain('hello');
      if (!expected.closed) await once(expected.resume(), 'close');
    }
    expect(await send(first)).toContain('hello');
  });

  it('closes only connections of a client that exceeds its limit', async () => {
    await start({ max: 100, maxPerClient: 4 });
    const others = await openMany(4, '127.0.0.2');
    const own = await openMany(6);
    expect(await findClosed(others)).toEqual([]);
    expect(await findClosed(own)).toEqual([0, 1]);
  });

  it('accepts a new connection even if all others wait for a response that they do not read', async () => {
    const huge = Buffer.alloc(32 * 1024 * 1024);
    await start({ max: 4, maxPerClient: 4 }, (request, response) =>
      response.end(request.url === '/huge' ? huge : 'hello'),
    );
    for (const socket of await openMany(4)) {
      socket.pause();
      socket.write('GET /huge HTTP/1.1\r\nHost: x\r\n\r\n');
    }
    expect(await send(await open())).toContain('hello');
  });

  it('answers every request while another client keeps opening connections without sending anything', async () => {
    await start({ max: 64, maxPerClient: 32 });
    let isOver = false;
    const reopen = () => {
      if (isOver) return;
      const socket = connect(server.port, '127.0.0.1');
      sockets.push(socket);
      socket.on('error', () => {});
      socket.on('close', () => setTimeout(reopen, 20));
      socket.resume();
    };
    for (let n = 0; n < 80; n++) reopen();
    const replies: string[] = [];
    for (let n = 0; n < 10; n++)
      replies.push(await (await fetch(server.url, { headers: { Connection: 'close' } })).text());
    isOver = true;
    expect(replies).toEqual(Array.from({ length: 10 }, () => 'hello'));
  });
});
