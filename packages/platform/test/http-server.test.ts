import { once } from 'node:events';
import { connect } from 'node:net';
import { listen } from '@downstream/platform';
import { describe, expect, it } from '@jest/globals';

describe('an HTTP server', () => {
  it('says who it is, ends, and says what to do when its port is taken', async () => {
    const handler = (_request: unknown, response: { end(text: string): void }) => response.end('hello');
    const server = await listen(handler, { host: '127.0.0.1', port: 0, setting: 'X_PORT' });
    expect(await (await fetch(server.url)).text()).toBe('hello');
    await expect(listen(handler, { host: '127.0.0.1', port: server.port, setting: 'X_PORT' })).rejects.toMatchObject({
      code: 'port_in_use',
      message: expect.stringMatching(new RegExp(`${server.port}.*X_PORT`)),
    });
    await expect(listen(handler, { host: '203.0.113.1', port: 0, setting: 'X_PORT' })).rejects.toMatchObject({
      code: 'address_not_available',
      message: expect.stringContaining('X_HOST'),
    });
    await server.close();
    await expect(fetch(server.url)).rejects.toThrow();
  });

  it('lets a request under way finish as it closes', async () => {
    let finish = () => {};
    const begun = Promise.withResolvers<void>();
    const server = await listen(
      (_request, response) => {
        finish = () => response.end('whole');
        begun.resolve();
      },
      { host: '127.0.0.1', port: 0, setting: 'X_PORT' },
    );
    const reply = fetch(server.url);
    await begun.promise;
    const closed = server.close();
    finish();
    expect(await (await reply).text()).toBe('whole');
    await closed;
  });

  it('holds so many connections, cuts the others, and takes new ones when there are fewer', async () => {
    const server = await listen((_request, response) => response.end('hello'), {
      host: '127.0.0.1',
      port: 0,
      setting: 'X_PORT',
      maxConnections: 8,
    });
    const open = async () => {
      const socket = connect(server.port, '127.0.0.1');
      socket.on('error', () => {});
      await once(socket, 'connect');
      return socket;
    };
    const sockets = await Promise.all(Array.from({ length: 8 }, open));
    const further = await open();
    await once(further.resume(), 'close');
    expect(sockets.filter(({ closed }) => closed)).toEqual([]);
    const [first] = sockets;
    first?.end('GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n');
    if (first) await once(first.resume(), 'close');
    expect(await (await fetch(server.url)).text()).toBe('hello');
    for (const socket of sockets) socket.destroy();
    await server.close();
  });

  it('does not wait for ever for a request that never ends', async () => {
    const begun = Promise.withResolvers<void>();
    const server = await listen(() => begun.resolve(), { host: '127.0.0.1', port: 0, setting: 'X_PORT' });
    const cut = expect(fetch(server.url)).rejects.toThrow('fetch failed');
    await begun.promise;
    await server.close();
    await cut;
  });
});
