import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { launchBrowser } from '../test/support/browser.ts';
import { startTcpProxy } from '../test/support/tcp-proxy.ts';
import { CHUNK_BYTES, TestFarm, until } from '../test/support/test-farm.ts';

/**
 * `npm run page-pictures [-- MINUTES]`: pictures of the farmer's page for the documentation, of a farmer that really farms. In the fourth
 * minute its node is out of reach for a moment, so that there is a failure to see; after ten minutes more that is history.
 */
const minutes = Number(process.argv[2] ?? 16);
const folder = join(import.meta.dirname, '../docs/pictures');
/** Two intervals: every contract fails once at least. */
const OUTAGE_MS = 20_000;
const PICTURES = [
  { name: 'farmer-page-light', width: 1000, height: 800, colorScheme: 'light' },
  { name: 'farmer-page-dark', width: 1000, height: 800, colorScheme: 'dark' },
  { name: 'farmer-page-phone', width: 390, height: 844, colorScheme: 'light' },
] as const;

/** A picture need not show the whole log. The page's policy lets in no style but its own, so it is set aside for that. */
const SHORTER = '.log { max-height: 8rem }';

await using farm = new TestFarm();
const node = await farm.node({ intervalMs: 10_000 });
await using wire = await startTcpProxy(node.url);
const farmer = await farm.farmer(wire.url, {
  FARMER_SIZE: String(6 * CHUNK_BYTES),
  FARMER_ALIAS: 'farmer-0',
  FARMER_POLL_INTERVAL: '1s',
  FARMER_LOG_LEVEL: 'info',
});
await until(farmer.status, ({ contracts }) => contracts.waiting === 6);
await pause(3 * 60_000);
wire.setOffline(true);
await pause(OUTAGE_MS);
wire.setOffline(false);
await pause((minutes - 3) * 60_000 - OUTAGE_MS);

const browser = await launchBrowser();
mkdirSync(folder, { recursive: true });
for (const { name, width, height, colorScheme } of PICTURES) {
  const page = await browser.newPage({ viewport: { width, height }, colorScheme, bypassCSP: true });
  await page.goto(farmer.url);
  await page.getByText('live', { exact: true }).waitFor();
  await page.screenshot({ path: join(folder, `${name}.png`), fullPage: true, style: SHORTER });
  await page.close();
}
await browser.close();
