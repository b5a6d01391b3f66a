import { listen } from '@downstream/platform';
import { describe, expect, it } from '@jest/globals';

describe('an HTTP server', () => {
  it('says who it is, ends, and says what to do when its port is taken', async () => {
    const handler = (_request: unknown, response: { end(text: string): void }) => response.end('hello');
    const server = await listen(handler, { host: '127.0.0.1', port: 0, setting: 'X_PORT' });
    expect(await (await fetch(server.url)).text()).toBe('hello');
    await expect(listen(handler, { host: '127.0.0.1', port: server.port, setting: 'X_PORT' })).rejects.toMatchObject({
      code: 'port_taken',
      message: expect.stringMatching(new RegExp(`${server.port}.*X_PORT`)),
    });
    await expect(listen(handler, { host: '203.0.113.1', port: 0, setting: 'X_PORT' })).rejects.toMatchObject({
      code: 'no_address',
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

  it('does not wait for ever for a request that never ends', async () => {
    const begun = Promise.withResolvers<void>();
    const server = await listen(() => begun.resolve(), { host: '127.0.0.1', port: 0, setting: 'X_PORT' });
    const cut = expect(fetch(server.url)).rejects.toThrow('fetch failed');
    await begun.promise;
    await server.close();
    await cut;
  });
});
