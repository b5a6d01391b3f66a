import { mkdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { aBrowser } from '../test/support/browser.ts';
import { TestFarm, until } from '../test/support/test-farm.ts';

/**
 * `npm run page-pictures [-- SECONDS]`: pictures of the farmer's page for the documentation, of a farmer that really farms. Its node
 * is away for a moment, so that there is a failure to see.
 */
const seconds = Number(process.argv[2] ?? 150);
const folder = join(import.meta.dirname, '../docs/pictures');
const PICTURES = [
  { name: 'farmer-page-light', width: 1180, height: 900, colorScheme: 'light' },
  { name: 'farmer-page-dark', width: 1180, height: 900, colorScheme: 'dark' },
  { name: 'farmer-page-phone', width: 390, height: 844, colorScheme: 'light' },
] as const;

await using farm = new TestFarm();
const options = { intervalMs: 10_000 };
const node = await farm.node(options);
const farmer = await farm.farmer(node.url, {
  FARMER_SIZE: String(12 * 16_384),
  FARMER_ALIAS: 'farmer-0',
  FARMER_POLL_INTERVAL: '1s',
});
await until(farmer.status, ({ contracts }) => contracts.waiting === 12);
await pause(seconds * 1000);
const browser = await aBrowser();
mkdirSync(folder, { recursive: true });
for (const { name, width, height, colorScheme } of PICTURES) {
  const page = await browser.newPage({ viewport: { width, height }, colorScheme });
  await page.goto(farmer.url);
  await page.getByText('live', { exact: true }).waitFor();
  await page.screenshot({ path: join(folder, `${name}.png`), fullPage: true });
  await page.close();
}
await browser.close();
