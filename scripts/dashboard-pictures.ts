import { once } from 'node:events';
import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { connect, createServer, type Socket } from 'node:net';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { chromium } from 'playwright-core';
import { page, WIDTH } from '../grafana/picture/page.ts';
import { DASHBOARDS } from '../grafana/test/a-dashboard.ts';
import { type AFarm, aFarm } from '../grafana/test/a-farm.ts';
import { type Prometheus, startPrometheus } from '../test/support/prometheus.ts';

/**
 * `npm run pictures [minutes]`: docs/pictures/dashboard-farmer.png, from data of a real farmer and a real mock node that run
 * for that long. Meanwhile the node goes away, chunks rot, and the node becomes slow, so that there is something to see.
 * It needs Debian's packages prometheus and chromium.
 */
const root = join(import.meta.dirname, '..');
const SCRAPE_SECONDS = 5;
const minutes = Number(process.argv[2] ?? 20);
if (!(minutes >= 1)) throw new Error('give the minutes to run, 1 or more');

const wires: Wire[] = [];
const farm = await aFarm({
  intervalMs: 20_000,
  maxFailures: 3,
  contracts: 24,
  chunkBytes: 16 * 1024 * 1024,
  by: async (nodeUrl) => {
    const wire = await aWire(nodeUrl);
    wires.push(wire);
    return wire.url;
  },
});
try {
  const prometheus = await startPrometheus({
    targets: [
      { job: 'farmer', urls: [farm.farmerUrl] },
      { job: 'mock-node', urls: [farm.nodeUrl] },
    ],
    scrapeIntervalSeconds: SCRAPE_SECONDS,
    rules: rules(),
  });
  try {
    const start = Date.now() / 1000;
    for (const wire of wires) await happen(farm, wire);
    await draw(prometheus, { start, end: Date.now() / 1000 });
  } finally {
    await prometheus.stop();
  }
} finally {
  await farm.stop();
  for (const wire of wires) wire.close();
}

/** What the pictures show: a share of the minutes each. */
async function happen({ chunks }: AFarm, wire: Wire): Promise<void> {
  const wait = async (share: number) => await pause(share * minutes * 60_000);
  await wait(0.3);
  wire.isAway(true);
  await wait(0.075);
  wire.isAway(false);
  await wait(0.175);
  for (const name of readdirSync(chunks).slice(0, 3)) spoil(join(chunks, name));
  await wait(0.15);
  wire.delay(2_500);
  await wait(0.15);
  wire.delay(0);
  await wait(0.15);
}

async function draw(prometheus: Prometheus, range: { start: number; end: number }): Promise<void> {
  const dashboard = DASHBOARDS.find(({ uid }) => uid === 'downstream-farmer');
  if (dashboard === undefined) throw new Error('no such dashboard');
  const { svg, height } = await page({ dashboard, prometheus, job: 'farmer', range, scrapeSeconds: SCRAPE_SECONDS });
  const browser = await chromium.launch({
    executablePath: '/usr/bin/chromium',
    args: [
      '--no-sandbox',
      '--disable-gpu',
      '--no-first-run',
      '--disable-background-networking',
      '--disable-component-update',
      '--disable-sync',
    ],
  });
  try {
    const tab = await browser.newPage({ viewport: { width: WIDTH, height } });
    await tab.setContent(`<body style="margin: 0">${svg}</body>`);
    mkdirSync(join(root, 'docs/pictures'), { recursive: true });
    const path = join(root, 'docs/pictures/dashboard-farmer.png');
    await tab.screenshot({ path });
    console.log(path);
  } finally {
    await browser.close();
  }
}

/** The alerts and recording rules, where there are any. */
function rules(): string[] {
  const folder = join(root, 'prometheus/rules');
  return existsSync(folder) ? readdirSync(folder).map((name) => join(folder, name)) : [];
}

/** Changes a byte of a chunk. */
function spoil(path: string): void {
  const bytes = readFileSync(path);
  bytes[0] = (bytes[0] ?? 0) ^ 1;
  writeFileSync(path, bytes);
}

/** What stands between the farmer and the node, and can go wrong. */
interface Wire {
  readonly url: string;
  /** While it is, connections are reset. */
  isAway(yes: boolean): void;
  /** Holds back what the farmer sends. */
  delay(ms: number): void;
  close(): void;
}

async function aWire(nodeUrl: string): Promise<Wire> {
  const { hostname, port } = new URL(nodeUrl);
  const sockets = new Set<Socket>();
  let away = false;
  let delayMs = 0;
  const server = createServer((farmer) => {
    if (away) {
      farmer.resetAndDestroy();
      return;
    }
    const node = connect(Number(port), hostname);
    for (const socket of [farmer, node]) {
      sockets.add(socket);
      // Both ends close together, whatever went wrong with one.
      socket.on('error', () => undefined);
      socket.on('close', () => {
        sockets.delete(socket);
        farmer.destroy();
        node.destroy();
      });
    }
    farmer.on('data', (bytes) => setTimeout(() => node.write(bytes), delayMs));
    node.pipe(farmer);
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  if (address === null || typeof address === 'string') throw new Error('no port');
  return {
    url: `http://127.0.0.1:${address.port}`,
    isAway(yes) {
      away = yes;
      if (yes) for (const socket of sockets) socket.resetAndDestroy();
    },
    delay(ms) {
      delayMs = ms;
    },
    close() {
      server.close();
      for (const socket of sockets) socket.destroy();
    },
  };
}
