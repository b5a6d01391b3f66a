import { mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { page, WIDTH } from '../grafana/picture/page.ts';
import { DASHBOARDS } from '../grafana/test/dashboard-file.ts';
import { launchBrowser } from '../test/support/browser.ts';
import { startPrometheus } from '../test/support/prometheus.ts';
import { startTcpProxy } from '../test/support/tcp-proxy.ts';
import { TestFarm } from '../test/support/test-farm.ts';

/**
 * `npm run dashboard-pictures [minutes]`: docs/pictures/dashboard-farmer.png, from data of a real farmer and a real mock node that run
 * for that long. Meanwhile the node goes away, chunks rot, and the node becomes slow, so that there is something to see.
 * It needs Debian's packages prometheus and chromium.
 */
const root = join(import.meta.dirname, '..');
const SCRAPE_SECONDS = 5;
const minutes = Number(process.argv[2] ?? 20);
if (!(minutes >= 1)) throw new Error('give the minutes to run, 1 or more');

const INTERVAL_SECONDS = 20;
const CONTRACTS = 24;
const CHUNK_BYTES = 16 * 1024 * 1024;

await using farm = new TestFarm();
const genesis = farm.createGenesis('pictures', CHUNK_BYTES);
const node = await farm.node({ intervalMs: INTERVAL_SECONDS * 1000, maxFailures: 3, ...genesis });
await using wire = await startTcpProxy(node.url);
const farmer = await farm.farmer(wire.url, {
  FARMER_SIZE: String(CONTRACTS * CHUNK_BYTES),
  FARMER_GENESIS: genesis.genesisPath,
  FARMER_GENESIS_SHA256: genesis.genesisSha256,
  FARMER_POLL_INTERVAL: `${INTERVAL_SECONDS / 10}s`,
  FARMER_WORKERS: '2',
});
const prometheus = await startPrometheus({
  targets: [
    { job: 'farmer', urls: [farmer.url] },
    { job: 'mock-node', urls: [node.url] },
  ],
  scrapeIntervalSeconds: SCRAPE_SECONDS,
  rules: rules(),
});
try {
  const start = Date.now() / 1000;
  await happen();
  await draw({ start, end: Date.now() / 1000 });
} finally {
  await prometheus.stop();
}

/** What the pictures show: a share of the minutes each. */
async function happen(): Promise<void> {
  const chunks = join(farm.dataDir, 'chunks');
  const wait = async (share: number) => await pause(share * minutes * 60_000);
  await wait(0.3);
  wire.setOffline(true);
  await wait(0.075);
  wire.setOffline(false);
  await wait(0.175);
  for (const name of readdirSync(chunks).slice(0, 3)) spoil(join(chunks, name));
  await wait(0.15);
  wire.delay(5_000);
  await wait(0.15);
  wire.delay(0);
  await wait(0.15);
}

async function draw(range: { start: number; end: number }): Promise<void> {
  const dashboard = DASHBOARDS.find(({ uid }) => uid === 'downstream-farmer');
  if (dashboard === undefined) throw new Error('no such dashboard');
  const { svg, height } = await page({ dashboard, prometheus, job: 'farmer', range, scrapeSeconds: SCRAPE_SECONDS });
  const browser = await launchBrowser();
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

/** The alerts and recording rules. */
function rules(): string[] {
  const folder = join(root, 'prometheus/rules');
  return readdirSync(folder).map((name) => join(folder, name));
}

/** Changes a byte of a chunk. */
function spoil(path: string): void {
  const bytes = readFileSync(path);
  bytes[0] = (bytes[0] ?? 0) ^ 1;
  writeFileSync(path, bytes);
}
