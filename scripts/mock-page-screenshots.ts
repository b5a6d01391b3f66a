import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { launchBrowser } from '../test/support/browser.ts';
import { CHUNK_BYTES, TestFarm, until } from '../test/support/test-farm.ts';

/** `npm run screenshots:mock-node`: takes screenshots of the mock node's page with a farmer and faults. */
const folder = join(import.meta.dirname, '../docs/pictures');
const PICTURES = [
  { name: 'mock-node-page-light', width: 1000, height: 800, colorScheme: 'light' },
  { name: 'mock-node-page-dark', width: 1000, height: 800, colorScheme: 'dark' },
  { name: 'mock-node-page-phone', width: 390, height: 844, colorScheme: 'light' },
] as const;
const PASSED = 40;
/** Hides most requests. The screenshots bypass the page's content security policy, which would block this style. */
const SHORT_LIST = '#requests tbody tr:nth-child(n + 16) { display: none }';

await using farm = new TestFarm();
const node = await farm.startNode({
  controlPort: 0,
  intervalMs: 8_000,
  faults: [
    { name: 'lost-response', match: { route: 'challenge' }, probability: 0.2, effect: 'drop_response' },
    {
      name: 'busy',
      match: { route: 'due' },
      probability: 0.3,
      effect: { kind: 'status', retryAfterSeconds: 2 },
      ttlMs: 3_600_000,
    },
    { name: 'slow', match: { route: 'due' }, effect: { kind: 'lognormal', medianMs: 80 } },
    { name: 'restart', enabled: false, times: 1, effect: 'forget_all' },
  ],
});
const farmer = await farm.startFarmer(node.url, {
  FARMER_SIZE: String(6 * CHUNK_BYTES),
  FARMER_POLL_INTERVAL: '1s',
  FARMER_LOG_LEVEL: 'info',
});
await until(farmer.status, ({ contracts }) => contracts.total === 6);
for (let passed = 0; passed < PASSED; )
  ({ passed } = await until(
    async () => (await farmer.status()).challenges,
    ({ passed: now }) => now > passed,
  ));

const browser = await launchBrowser();
mkdirSync(folder, { recursive: true });
for (const { name, width, height, colorScheme } of PICTURES) {
  const page = await browser.newPage({ viewport: { width, height }, colorScheme, bypassCSP: true });
  await page.goto(`${node.controlUrl}/`);
  await page.getByText('live', { exact: true }).waitFor();
  await page.screenshot({ path: join(folder, `${name}.png`), fullPage: true, style: SHORT_LIST });
  await page.close();
}
await browser.close();
