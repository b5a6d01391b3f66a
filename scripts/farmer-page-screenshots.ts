import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { launchBrowser } from '../test/support/browser.ts';
import { startTcpProxy } from '../test/support/tcp-proxy.ts';
import { CHUNK_BYTES, TestFarm, until } from '../test/support/test-farm.ts';

/**
 * `npm run screenshots:farmer [-- MINUTES]`: takes screenshots of a farmer's status page. The node is unreachable for a
 * moment in the fourth minute, so that the history shows failures.
 */
const minutes = Number(process.argv[2] ?? 16);
const folder = join(import.meta.dirname, '../docs/pictures');
/** Two intervals, so that each contract fails at least once. */
const OUTAGE_MS = 20_000;
const SCREENSHOTS = [
  { name: 'farmer-page-light', width: 1000, height: 800, colorScheme: 'light' },
  { name: 'farmer-page-dark', width: 1000, height: 800, colorScheme: 'dark' },
  { name: 'farmer-page-phone', width: 390, height: 844, colorScheme: 'light' },
] as const;

/** Shortens the log. The screenshots bypass the page's content security policy, which would block this style. */
const SHORT_LOG = '.log { max-height: 8rem }';

await using farm = new TestFarm();
const node = await farm.startNode({ intervalMs: 10_000 });
await using proxy = await startTcpProxy(node.url);
const farmer = await farm.startFarmer(proxy.url, {
  FARMER_SIZE: String(6 * CHUNK_BYTES),
  FARMER_ALIAS: 'farmer-0',
  FARMER_POLL_INTERVAL: '1s',
  FARMER_LOG_LEVEL: 'info',
});
await until(farmer.status, ({ contracts }) => contracts.waiting === 6);
await pause(3 * 60_000);
proxy.setOffline(true);
await pause(OUTAGE_MS);
proxy.setOffline(false);
await pause((minutes - 3) * 60_000 - OUTAGE_MS);

const browser = await launchBrowser();
mkdirSync(folder, { recursive: true });
for (const { name, width, height, colorScheme } of SCREENSHOTS) {
  const page = await browser.newPage({ viewport: { width, height }, colorScheme, bypassCSP: true });
  await page.goto(farmer.url);
  await page.getByText('live', { exact: true }).waitFor();
  await page.screenshot({ path: join(folder, `${name}.png`), fullPage: true, style: SHORT_LOG });
  await page.close();
}
await browser.close();
