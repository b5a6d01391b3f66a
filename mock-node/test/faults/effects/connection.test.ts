import { once } from 'node:events';
import { Agent } from 'node:http';
import { connect, createServer } from 'node:net';
import { expect } from '@jest/globals';
import { API, setUpMockNode } from '../../support/mock-node.ts';
import { ask, talk, until } from '../../support/raw-client.ts';
import { testEffects } from './test-effects.ts';

const { start, url, get, fault, controller, log, newToken, nextWait, close } = setUpMockNode({ holdsWaits: true });

/** A request that gets no response during the test. */
function stuck(
  path: string,
  options = { allowHalfOpen: false },
): { ended: () => string | undefined; leave: () => void } {
  const { hostname, port } = new URL(url());
  let ended: string | undefined;
  const socket = connect({ host: hostname, port: Number(port), ...options }, () => {
    socket.write(`GET ${path} HTTP/1.1\r\nHost: node\r\n\r\n`);
  });
  socket.on('error', (error: NodeJS.ErrnoException) => {
    ended = error.code;
  });
  socket.on('close', () => {
    ended ??= 'closed';
  });
  return { ended: () => ended, leave: () => socket.destroy() };
}

testEffects('connection', {
  reset: {
    'resets the connection': async () => {
      await start();
      fault({ effect: 'reset' });
      expect(await talk(url(), '/')).toMatchObject({ text: '', end: 'ECONNRESET' });
      expect(await ask(url(), '/')).toMatchObject({ error: 'ECONNRESET', status: undefined });
    },
    'does not process the request': async () => {
      await start();
      const token = await newToken();
      fault({ match: { route: 'chunk' }, effect: 'reset' });
      expect((await talk(url(), `${API}/chunk/${token}`)).end).toBe('ECONNRESET');
      expect(controller().ledger.running).toBe(0);
    },
  },

  empty: {
    'closes the connection without sending a byte': async () => {
      await start();
      fault({ effect: 'empty' });
      expect(await talk(url(), '/')).toMatchObject({ text: '', end: 'closed' });
      expect((await ask(url(), '/')).error).toBe('ECONNRESET');
    },
    'does not wait for a client that keeps its side open': async () => {
      await start();
      fault({ effect: 'empty' });
      const { leave } = stuck('/', { allowHalfOpen: true });
      await until('the node is done with it', () => controller().journal.find().length === 1);
      leave();
    },
  },

  hang: {
    'sends nothing for `forMs` and then resets the connection': async () => {
      await start();
      fault({ effect: { kind: 'hang', forMs: 150 } });
      const seen = talk(url(), '/');
      const { ms, end } = await nextWait();
      expect(ms).toBe(150);
      end();
      expect(await seen).toMatchObject({ text: '', end: 'ECONNRESET' });
    },
    'keeps the connection open by default while other requests continue': async () => {
      await start();
      fault({ match: { route: 'new' }, effect: 'hang' });
      const { ended, leave } = stuck(`${API}/new/address`);
      expect((await nextWait()).ms).toBe(3_600_000);
      for (let n = 0; n < 20; n++) expect((await get('/')).code).toBe(200);
      expect(ended()).toBeUndefined();
      leave();
    },
    'ends when the client disconnects': async () => {
      await start();
      fault({ effect: 'hang' });
      const { leave } = stuck('/');
      const { isAborted } = await nextWait();
      expect(controller().journal.find()).toEqual([]);
      leave();
      await until('the node has noticed', () => controller().journal.find().length === 1);
      await until('the wait has ended', isAborted);
      expect(controller().journal.find()[0]).toMatchObject({ status: null, faults: ['hang'], responseBytes: 0 });
    },
    'does not delay the closing of the node': async () => {
      await start();
      fault({ effect: 'hang' });
      const { ended } = stuck('/');
      await nextWait();
      await close();
      await until('the connection is cut', () => ended() !== undefined);
    },
  },

  refuse: {
    'refuses connections for `forMs` and then accepts them on the same port': async () => {
      await start();
      fault({ times: 1, effect: { kind: 'refuse', forMs: 300 } });
      expect((await talk(url(), '/')).end).toBe('ECONNRESET');
      expect(await talk(url(), '/')).toMatchObject({ text: '', end: 'ECONNREFUSED' });
      const { ms, end } = await nextWait();
      expect(ms).toBe(300);
      end();
      await until('it listens again', async () => (await ask(url(), '/')).status === 200);
    },
    'cuts idle connections and those with pending requests': async () => {
      await start();
      const agent = new Agent({ keepAlive: true, maxSockets: 1 });
      expect((await ask(url(), '/', { agent })).status).toBe(200);
      const [kept] = Object.values(agent.freeSockets).flat();
      fault({ name: 'held', times: 1, effect: 'hang' });
      const { ended } = stuck('/');
      await nextWait();
      fault({ times: 1, effect: { kind: 'refuse', forMs: 200 } });
      expect(kept?.destroyed).toBe(false);
      expect((await talk(url(), '/')).end).toBe('ECONNRESET');
      await until('both are cut', () => kept?.destroyed === true && ended() !== undefined);
      agent.destroy();
    },
    'starts again with the next matching request': async () => {
      await start();
      fault({ times: 2, effect: { kind: 'refuse', forMs: 50 } });
      for (const _ of [1, 2]) {
        expect((await talk(url(), '/')).end).toBe('ECONNRESET');
        expect((await talk(url(), '/healthz')).end).toBe('ECONNREFUSED');
        (await nextWait()).end();
        await until('it listens', async () => (await talk(url(), '/healthz')).end === 'closed');
      }
      expect((await ask(url(), '/')).status).toBe(200);
    },
    'does not delay the closing of the node, and is over with it': async () => {
      await start();
      const address = url();
      fault({ effect: { kind: 'refuse', forMs: 100 } });
      await talk(address, '/');
      const { isAborted } = await nextWait();
      await close();
      expect(isAborted()).toBe(true);
      expect((await talk(address, '/')).end).toBe('ECONNREFUSED');
    },
    'continues and logs an error while another process has the port': async () => {
      await start();
      fault({ times: 1, effect: { kind: 'refuse', forMs: 100 } });
      await talk(url(), '/');
      const other = createServer().listen(Number(new URL(url()).port), '127.0.0.1');
      await once(other, 'listening');
      (await nextWait()).end();
      const retry = await nextWait();
      expect(log().filter(({ level }) => level === 'error')).toMatchObject([{ message: 'port not reopened' }]);
      await new Promise((resolve) => other.close(resolve));
      retry.end();
      await until('it listens again', async () => (await ask(url(), '/')).status === 200);
    },
    'ends when its fault is removed or disabled, or the faults are reset': async () => {
      await start();
      const ends: Record<string, () => void> = {
        removed: () => controller().faults.remove('refuse'),
        changed: () => controller().faults.change('refuse', { enabled: false }, 0),
        reset: () => controller().reset(['faults']),
      };
      for (const [what, end] of Object.entries(ends)) {
        controller().faults.removeAll();
        fault({ effect: { kind: 'refuse', forMs: 60_000 } });
        await talk(url(), '/');
        expect((await talk(url(), '/')).end).toBe('ECONNREFUSED');
        end();
        await until(`it listens when the fault is ${what}`, async () => (await ask(url(), '/')).status === 200);
      }
    },
  },
});
