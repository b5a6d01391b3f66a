import { createCipheriv, createHash, createHmac } from 'node:crypto';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { request as rawRequest } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type FaultInput, fault as faultSchema } from '@downstream/control-api';
import { type MockNode, startMockNode } from '@downstream/mock-node';
import { FakeLogger } from '@downstream/platform/testing';
import { afterEach, beforeEach } from '@jest/globals';
import { type HeldWait, Waits } from './waits.ts';

// These helpers use no code of the project for what goes over the wire, as an independent client would.
export const ADDRESS = '19qVgG8C6eXwKMMyvVegsi3xCsKyk3Z3jV';
export const API = '/api/downstream';
export const INTERVAL_MS = 60_000;
const START = 1_000_000;
const GENESIS = Buffer.alloc(50_000, 'genesis');
export const GENESIS_BYTES = GENESIS.length;

export const sha256 = (...parts: (Buffer | string)[]) => {
  const hash = createHash('sha256');
  for (const part of parts) hash.update(part);
  return hash.digest('hex');
};

export const GENESIS_SHA256 = sha256(GENESIS);

/** The chunk of a secret, from the genesis file of {@link setUpMockNode}. */
export const createChunk = (secret: string) => {
  const key = createHmac('sha256', secret).update(GENESIS_SHA256).digest();
  return createCipheriv('aes-256-ctr', key, Buffer.from('00000000000000000000000000000001', 'hex')).update(GENESIS);
};

/**
 * A node for each test of a file, with its own folder and clock and a small genesis file. The test starts it.
 *
 * @param holdsWaits whether delays and outages last until the test ends them. Otherwise they end at once.
 */
export function setUpMockNode({ holdsWaits = false } = {}) {
  let folder: string;
  let now: number;
  let node: MockNode | undefined;
  let waits: Waits;
  let log = new FakeLogger();
  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'mock-node-'));
    writeFileSync(join(folder, 'genesis'), GENESIS);
    mkdirSync(join(folder, 'files'));
    now = START;
    waits = new Waits({ isHeld: holdsWaits });
    log = new FakeLogger();
  });
  afterEach(async () => {
    await node?.close();
    node = undefined;
    rmSync(folder, { recursive: true });
  });

  const running = () => {
    if (node === undefined) throw new Error('start the node first');
    return node;
  };
  const url = () => running().url;
  const get = async (path: string, init: RequestInit = {}) => {
    const response = await fetch(url() + path, init);
    const text = await response.text();
    const id = response.headers.get('x-request-id');
    return { code: response.status, text, id, json: text.startsWith('{') ? JSON.parse(text) : undefined };
  };
  return {
    url,
    get,
    path: (...names: string[]) => join(folder, ...names),
    log: () => log.lines,
    controller: () => running().controller,
    /** Adds a fault. Its default name is the kind of its effect. */
    fault(given: Omit<FaultInput, 'name'> & { name?: string }): void {
      const { effect, name = (typeof effect === 'string' ? effect : effect.kind).replaceAll('_', '-') } = given;
      const { controller } = running();
      controller.faults.add(faultSchema.parse({ ...given, name }), controller.clock.now());
    },
    close: async () => await running().close(),
    /** The next wait of the node, when it begins. */
    nextWait: async (): Promise<HeldWait> => await waits.next(),
    pass: (ms: number) => {
      now += ms;
    },
    /** Makes the next node start at the same time as the first one. */
    rewind: () => {
      now = START;
    },
    /** Starts the node, and closes a running one first. */
    async start(options: Parameters<typeof startMockNode>[0] = {}): Promise<void> {
      await node?.close();
      node = undefined;
      const genesis = { genesisPath: join(folder, 'genesis'), genesisSha256: GENESIS_SHA256 };
      node = await startMockNode(
        { port: 0, seed: '42', files: join(folder, 'files'), ...genesis, ...options },
        { now: () => now, sleep: waits.sleep, log },
      );
    },
    /** The URL of the control API. Requires a `controlPort`. */
    controlUrl(): string {
      const { controlUrl } = running();
      if (controlUrl === undefined) throw new Error('start the node with a control port first');
      return controlUrl;
    },
    /** Sends a path unchanged: `fetch` would normalize it. */
    async getRaw(path: string): Promise<{ code: number | undefined; text: string }> {
      const { hostname, port } = new URL(url());
      return await new Promise((resolve, reject) => {
        rawRequest({ hostname, port, path }, (response) => {
          let text = '';
          response.on('data', (piece) => {
            text += piece;
          });
          response.on('end', () => resolve({ code: response.statusCode, text }));
        })
          .on('error', reject)
          .end();
      });
    },
    newToken: async (): Promise<string> => (await get(`${API}/new/${ADDRESS}`)).json.token,
    acceptContract: async (token: string) => (await get(`${API}/chunk/${token}`)).json,
  };
}
