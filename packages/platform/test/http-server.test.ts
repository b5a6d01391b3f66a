import { listen } from '@downstream/platform';
import { describe, expect, it } from '@jest/globals';

describe('listen', () => {
  it('returns the URL, and throws errors with a remedy if the address cannot be used', async () => {
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

  it('waits for requests in progress when it closes', async () => {
    let finish = () => {};
    const started = Promise.withResolvers<void>();
    const server = await listen(
      (_request, response) => {
        finish = () => response.end('whole');
        started.resolve();
      },
      { host: '127.0.0.1', port: 0, setting: 'X_PORT' },
    );
    const reply = fetch(server.url);
    await started.promise;
    const closed = server.close();
    finish();
    expect(await (await reply).text()).toBe('whole');
    await closed;
  });

  it('closes the connection of a request that does not finish', async () => {
    const started = Promise.withResolvers<void>();
    const server = await listen(() => started.resolve(), { host: '127.0.0.1', port: 0, setting: 'X_PORT' });
    const cut = expect(fetch(server.url)).rejects.toThrow('fetch failed');
    await started.promise;
    await server.close();
    await cut;
  });
});
