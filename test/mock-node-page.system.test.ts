import { afterAll, beforeAll, expect, it } from '@jest/globals';
import type { Browser, Page } from 'playwright-core';
import { findAccessibilityViolations, launchBrowser, openPage, type PageOptions } from './support/browser.ts';
import { ADDRESS, TestFarm, until } from './support/test-farm.ts';
import { describeWith } from './support/tools.ts';

describeWith(['chromium'], "the mock node's page in a browser", () => {
  let browser: Browser;
  beforeAll(async () => {
    browser = await launchBrowser();
  });
  afterAll(async () => await browser?.close());

  const open = async (url: string, options: PageOptions = {}) => await openPage(browser, url, options);
  const isLive = async (page: Page) => await page.getByText('live', { exact: true }).waitFor();
  const figure = async (page: Page, name: string) =>
    Number(await page.locator(`.figures > div:has(dt:text-is("${name}")) dd`).textContent());
  const register = async (url: string) => (await fetch(`${url}/api/downstream/new/${ADDRESS}`)).status;

  /** A node with a control port, and the URL of its page. */
  async function startNode(farm: TestFarm, options: Parameters<TestFarm['startNode']>[0] = {}) {
    const node = await farm.startNode({ controlPort: 0, ...options });
    return { ...node, pageUrl: `${node.controlUrl}/` };
  }

  it('updates contracts, countdowns, results and requests live', async () => {
    await using farm = new TestFarm();
    const node = await startNode(farm);
    const { page, problems } = await open(node.pageUrl);
    await isLive(page);
    expect(await figure(page, 'Contracts')).toBe(0);

    const farmer = await farm.startFarmer(node.url);
    await until(
      async () => await page.locator('#contracts tbody tr').count(),
      (rows) => rows === 5,
    );
    await until(
      async () => await figure(page, 'Passed'),
      (passed) => passed >= 10,
    );
    expect(await page.locator('#requests tbody').textContent()).toContain('GET challenge');
    expect(await page.locator('#contracts tbody time').first().textContent()).toMatch(/^(now|in \d|\d)/);
    // The page contains no secrets, not even hidden ones.
    const text = await page.locator('body').innerHTML();
    for (const secret of farmer.secrets) expect(text).not.toContain(secret);

    await node.close();
    await page.getByText('disconnected: check that the node is running').waitFor();
    expect(problems.filter((problem) => !/ERR_CONNECTION|ERR_INCOMPLETE|__admin/.test(problem))).toEqual([]);
  }, 60_000);

  it('enables and disables faults, applies scenarios and controls the clock', async () => {
    await using farm = new TestFarm();
    const node = await startNode(farm, { faults: [{ name: 'closed', match: { route: 'new' }, effect: 'status' }] });
    const { page, problems } = await open(node.pageUrl);
    await isLive(page);
    expect(await register(node.url)).toBe(503);

    const toggle = page.getByRole('switch', { name: 'fault closed' });
    expect(await toggle.getAttribute('aria-checked')).toBe('true');
    await until(
      async () => await page.locator('#faults tbody').textContent(),
      (text) => text?.includes('1 of 1') === true,
    );
    await toggle.focus();
    await page.keyboard.press('Space');
    await until(
      async () => await toggle.getAttribute('aria-checked'),
      (checked) => checked === 'false',
    );
    expect(await register(node.url)).toBe(200);
    // The element keeps the focus when rows are inserted.
    expect(await page.evaluate('document.activeElement.ariaLabel')).toBe('fault closed');

    await page.getByRole('button', { name: 'tight-deadlines' }).click();
    await page.getByRole('switch', { name: 'fault tight-delay' }).waitFor();
    expect(node.controller.faults.list(node.controller.clock.now()).map(({ name }) => name)).toEqual([
      'tight-interval',
      'tight-delay',
    ]);
    await page.getByRole('button', { name: 'remove tight-delay' }).click();
    await page.getByRole('switch', { name: 'fault tight-delay' }).waitFor({ state: 'detached' });

    await page.getByRole('button', { name: 'Freeze' }).click();
    await page.getByRole('button', { name: 'Resume' }).waitFor();
    const before = node.controller.clock.now();
    await page.getByRole('button', { name: '+ 1 min' }).click();
    await until(
      () => node.controller.clock.now(),
      (now) => now === before + 60_000,
    );

    await page.getByRole('button', { name: 'Reset everything' }).click();
    await page.getByRole('switch', { name: 'fault closed' }).waitFor();
    expect(node.controller.clock.rate.mode).toBe('real');
    expect(problems).toEqual([]);
  }, 60_000);

  it('adds faults with their parameters, shows errors, and pages through all contracts', async () => {
    await using farm = new TestFarm();
    const node = await startNode(farm);
    const { page, problems } = await open(node.pageUrl);
    await isLive(page);
    expect(await page.getByText('No contracts.').isVisible()).toBe(true);
    expect(await page.getByText('No requests.').isVisible()).toBe(true);

    const add = async () => await page.getByRole('button', { name: 'Add the fault' }).click();
    await page.getByText('Add a fault', { exact: true }).click();
    await page.getByLabel('retryAfterSeconds').fill('7');
    await page.getByLabel('Route').selectOption('new');
    await page.getByLabel('Times at most').fill('1');
    await add();
    await page.getByRole('switch', { name: 'fault status' }).waitFor();
    const response = await fetch(`${node.url}/api/downstream/new/${ADDRESS}`);
    expect({ status: response.status, retryAfter: response.headers.get('retry-after') }).toEqual({
      status: 503,
      retryAfter: '7',
    });

    await page.getByLabel('Effect').selectOption('shorten_interval');
    await page.getByLabel('factor').fill('0.1');
    await page.getByLabel('announced').selectOption('true');
    await page.getByLabel('Name').fill('Odd');
    await add();
    await page.getByRole('alert').getByText('Failed: invalid request; /name must be 1 to 40 lowercase').waitFor();
    await page.getByLabel('Name').fill('short');
    await add();
    await page.getByRole('switch', { name: 'fault short' }).waitFor();
    expect(node.controller.faults.get('short', node.controller.clock.now())).toMatchObject({
      effect: { kind: 'shorten_interval', factor: 0.1, announced: true },
    });

    node.controller.setClock({ mode: 'frozen' });
    const hashes = Array.from({ length: 60 }, (_, n) => `hash-${n}`);
    const token = node.controller.ledger.register({ address: '', client: '' });
    for (const fileHash of hashes) {
      const now = node.controller.clock.now();
      const { index = 0, secret = '' } = node.controller.ledger.reserveContract(now) ?? {};
      const chunk = { fileHash, sizeBytes: 100, secret, verifier: { response: () => '' } };
      node.controller.ledger.digests.start(token, { index, chunk, intervalMs: 60_000 }, now);
    }
    const seen: (string | null)[] = [];
    for (const range of ['1 to 25 of 60', '26 to 50 of 60', '51 to 60 of 60']) {
      await page.getByText(range).waitFor();
      for (const row of await page.locator('#contracts tbody tr').all()) seen.push(await row.getAttribute('data-key'));
      if (seen.length < hashes.length) await page.getByRole('button', { name: 'Next' }).click();
    }
    expect(seen).toEqual(hashes);
    expect(await page.getByRole('button', { name: 'Next' }).isDisabled()).toBe(true);
    node.controller.ledger.forget();
    await page.getByText('No contracts.').waitFor();
    expect(problems.filter((problem) => !problem.includes('400'))).toEqual([]);
  }, 60_000);

  it('shows the remaining time of a fault and the applied scenario', async () => {
    await using farm = new TestFarm();
    const node = await startNode(farm, { preset: 'offline' });
    const tell = async (method: string, path: string, body: unknown) => {
      const headers = { 'Content-Type': 'application/json' };
      await fetch(`${node.controlUrl}/__admin${path}`, { method, headers, body: JSON.stringify(body) });
    };
    await tell('PUT', '/clock', { mode: 'frozen' });
    await tell('PUT', '/faults', [
      { name: 'brief', ttlMs: 3_600_000, effect: 'status' },
      { name: 'later', window: { afterMs: 7_200_000, durationMs: 3_600_000 }, effect: 'status' },
      { name: 'lasting', effect: 'html' },
    ]);
    const { page, problems } = await open(node.pageUrl);
    await isLive(page);
    const turn = async (name: string) =>
      await page.locator(`#faults tr[data-key="${name}"] small:has(time)`).textContent();
    expect(await page.locator('#scenarios [aria-current="true"]').allTextContents()).toEqual(['offline']);
    expect([await turn('brief'), await turn('later')]).toEqual(['removed in 1 h', 'begins in 2 h']);
    expect(await page.locator('#faults tr[data-key="lasting"] small:has(time)').isVisible()).toBe(false);

    await page.getByRole('button', { name: '+ 1 min' }).click();
    await until(
      async () => await turn('brief'),
      (said) => said === 'removed in 59 min',
    );
    await tell('POST', '/clock/advance', { ms: 7_200_000 });
    await until(
      async () => await turn('later'),
      (said) => said === 'ends in 59 min',
    );
    expect(await page.locator('#faults tr[data-key="brief"]').count()).toBe(0);
    expect(problems).toEqual([]);
  }, 60_000);

  it('challenges and expires contracts, and shows errors', async () => {
    await using farm = new TestFarm();
    const node = await startNode(farm, { intervalMs: 60_000 });
    const farmer = await farm.startFarmer(node.url);
    await until(farmer.status, ({ challenges }) => challenges.passed === 5);
    const { page } = await open(node.pageUrl);
    await isLive(page);
    const hash = (await page.locator('#contracts tbody tr').first().getAttribute('data-key')) ?? '';
    // The row moves when its round changes.
    const row = page.locator(`#contracts tr[data-key="${hash}"]`);
    await row.getByRole('button', { name: 'challenge' }).click();
    await until(
      () => node.controller.ledger.findContract(hash, node.controller.clock.now())?.results.passed,
      (passed) => passed === 2,
    );
    await row.getByRole('button', { name: 'expire' }).click();
    await row.waitFor({ state: 'detached' });

    const gone = page.locator('#contracts tbody tr').last();
    const expired = (await gone.getAttribute('data-key')) ?? '';
    node.controller.ledger.forget();
    await page.evaluate(`document.querySelector('tr[data-key="${expired}"] .actions button').click()`);
    await page.getByRole('alert').getByText(`Failed: no running contract has the hash ${expired}`).waitFor();
  }, 60_000);

  it.each(['light', 'dark'] as const)(
    'is accessible in %s mode and fits a phone',
    async (colorScheme) => {
      await using farm = new TestFarm();
      const node = await startNode(farm, { preset: 'hostile' });
      const farmer = await farm.startFarmer(node.url);
      await until(farmer.status, ({ contracts }) => contracts.total > 0);
      const { page } = await open(node.pageUrl, {
        colorScheme,
        bypassCSP: true,
        viewport: { width: 360, height: 700 },
      });
      await isLive(page);
      await until(
        async () => await page.locator('#requests tbody tr').count(),
        (rows) => rows >= 20,
      );
      await page.getByText('Add a fault', { exact: true }).click();
      expect(await findAccessibilityViolations(page)).toEqual([]);
      expect(await page.evaluate('document.documentElement.scrollWidth')).toBeLessThanOrEqual(360);
    },
    60_000,
  );

  it('shows the API and the size of a contract', async () => {
    await using farm = new TestFarm();
    const node = await startNode(farm, { chunkSizesBytes: [2_000, 65_536], preparedChunks: 1 });
    const get = async (path: string) => JSON.parse(await (await fetch(`${node.url}/api/downstream/${path}`)).text());
    const { token } = await get('v1/new/19qVgG8C6eXwKMMyvVegsi3xCsKyk3Z3jV');
    await get(`v1/chunk/${token}/67536`);
    await get(`chunk/${token}`);
    const { page } = await open(node.pageUrl);
    await isLive(page);
    await until(
      async () => await page.locator('#contracts tbody tr').count(),
      (rows) => rows === 3,
    );
    const readRow = async (key: string) =>
      (await page.locator(`#contracts tr${key} td`).allTextContents()).slice(2, 4).join(' ');
    expect(await readRow('[data-key="1"]')).toBe('v1 64 KiB');
    expect(await readRow('[data-key="2"]')).toBe('v1 2 KiB');
    expect(await readRow(':last-child')).toMatch(/^prototype \d+(\.\d)? [KM]?i?B$/);
  });

  it('shows data only with the token', async () => {
    await using farm = new TestFarm();
    const node = await startNode(farm, { controlToken: 'open sesame'.replace(' ', '-') });
    const { page } = await open(node.pageUrl);
    await page.getByText('token required').waitFor();
    expect(await page.locator('#figures').textContent()).toBe('');
    await page.getByLabel('Control token').fill('open-sesame');
    await page.getByRole('button', { name: 'Connect' }).click();
    await isLive(page);
    expect(await figure(page, 'Farmers')).toBe(0);
    expect(await page.locator('#identity').textContent()).toMatch(/^seed .+ · \d+\.\d+\.\d+ \(commit unknown\)$/);
    expect(await page.locator('#login').isVisible()).toBe(false);
  });

  it('renders text from requests as text', async () => {
    await using farm = new TestFarm();
    const node = await startNode(farm);
    const { page, problems } = await open(node.pageUrl);
    await isLive(page);
    await fetch(`${node.url}/${encodeURIComponent('<img src=x onerror=alert(1)>')}`);
    await fetch(`${node.url}/api/downstream/due/<b>bold`);
    await until(
      async () => await page.locator('#requests tbody tr').count(),
      (rows) => rows === 2,
    );
    expect(await page.locator('#requests img, #requests b').count()).toBe(0);
    expect(problems).toEqual([]);
  });

  it('refers to the control API without JavaScript', async () => {
    await using farm = new TestFarm();
    const node = await startNode(farm);
    const { page } = await open(node.pageUrl, { javaScriptEnabled: false });
    expect(await page.locator('main').textContent()).toContain('control API offers the same functions');
  });
});
