import { afterAll, beforeAll, expect, it } from '@jest/globals';
import type { Browser, Page } from 'playwright-core';
import { findAccessibilityViolations, launchBrowser, openPage, type PageOptions } from './support/browser.ts';
import { CHUNK_BYTES, TestFarm, until } from './support/test-farm.ts';
import { describeWith } from './support/tools.ts';

describeWith(['chromium'], "The farmer's page in a browser", () => {
  let browser: Browser;
  beforeAll(async () => {
    browser = await launchBrowser();
  });
  afterAll(async () => await browser?.close());

  const open = async (url: string, options: PageOptions = {}) => await openPage(browser, url, options);

  const label = async (page: Page) => await page.locator('.label').textContent();
  const figure = async (page: Page, name: string) =>
    await page.locator(`.figures > div:has(dt:text-is("${name}")) dd`).textContent();

  it('updates times, figures and log live and changes its status when the node becomes unreachable', async () => {
    await using farm = new TestFarm();
    const node = await farm.startNode();
    const farmer = await farm.startFarmer(node.url);
    await until(farmer.status, ({ challenges }) => challenges.passed >= 5);
    const { page, problems } = await open(farmer.url);
    await page.getByText('live', { exact: true }).waitFor();
    expect(await label(page)).toBe('Healthy');
    expect(await page.title()).toMatch(/^Healthy · /);
    expect(await page.locator('#contracts tbody tr').count()).toBe(5);

    const passed = await figure(page, 'Passed');
    const started = await page.locator('.facts > div:has(dt:text-is("Started")) time').textContent();
    await until(
      async () => await figure(page, 'Passed'),
      (seen) => Number(seen) > Number(passed),
    );
    await until(
      async () => await page.locator('.facts > div:has(dt:text-is("Started")) time').textContent(),
      (seen) => seen !== started,
    );
    expect(await page.locator('.log').textContent()).toContain('challenge passed');

    // Updates keep open details, the focus and selected text.
    await page.getByText('Show as a table').click();
    await page.evaluate("getSelection().selectAllChildren(document.querySelector('#contracts code'))");
    const marked = await page.evaluate('getSelection().toString()');
    const chart = await page.locator('#chart').textContent();
    await until(
      async () => await page.locator('#chart').textContent(),
      (seen) => seen !== chart,
    );
    expect(await page.locator('#chart-table').getAttribute('open')).toBe('');
    expect(await page.evaluate('document.activeElement.textContent')).toBe('Show as a table');
    expect(await page.evaluate('getSelection().toString()')).toBe(marked);

    await node.close();
    await until(
      async () => await label(page),
      (seen) => seen === 'Node unreachable',
    );
    await page.locator('.log .warn', { hasText: 'listing failed' }).first().waitFor();
    expect(problems).toEqual([]);

    // An open page does not delay the shutdown, and shows that its status is outdated.
    expect(await farmer.stop()).toBe(true);
    await until(
      async () => await label(page),
      (seen) => seen === 'Connection lost',
    );
    expect(await page.title()).toMatch(/^Connection lost · /);
    expect(await page.locator('.label + p').textContent()).toMatch(
      /since \d\d:\d\d:\d\d UTC\. The last status was “Node unreachable”/,
    );
  }, 90_000);

  it.each(['light', 'dark'] as const)(
    'is accessible in the %s color scheme in each status and fits a phone',
    async (colorScheme) => {
      await using farm = new TestFarm();
      const node = await farm.startNode();
      const longPath = `${farm.folder}/${'a-long-name-without-a-space'.repeat(4)}`;
      const disks = ['1', '2'].map((name) => `${longPath}${name}=${3 * CHUNK_BYTES}`).join();
      const farmer = await farm.startFarmer(node.url, { FARMER_DATA_DIR: disks, FARMER_SIZE: '' });
      await until(farmer.status, ({ challenges }) => challenges.passed >= 5);
      const options = { colorScheme, bypassCSP: true, viewport: { width: 360, height: 700 } };
      const { page } = await open(farmer.url, options);
      const check = async (expected: string) => {
        await until(
          async () => await label(page),
          (seen) => seen === expected,
        );
        expect(await findAccessibilityViolations(page)).toEqual([]);
      };
      await check('Healthy');
      expect(await page.evaluate('document.documentElement.scrollWidth')).toBeLessThanOrEqual(360);
      expect(await page.locator('.facts').first().textContent()).toContain(longPath);
      // Nothing is wider than its cell, where it would cover the text beside it.
      const cells = "[...document.querySelectorAll('.facts dt, .facts dd, .figures dd')]";
      expect(await page.evaluate(`${cells}.filter((cell) => cell.scrollWidth > cell.clientWidth).length`)).toBe(0);

      const list = await open(`${farmer.url}/contracts`, options);
      expect(await list.page.locator('.list tbody tr').count()).toBe(6);
      expect(await list.page.evaluate('document.documentElement.scrollWidth')).toBeLessThanOrEqual(360);
      expect(await findAccessibilityViolations(list.page)).toEqual([]);
      expect(list.problems).toEqual([]);
      await node.close();
      await check('Node unreachable');
      await farmer.stop();
      await check('Connection lost');
    },
    90_000,
  );

  it('reloads its content when too many clients receive events', async () => {
    await using farm = new TestFarm();
    const node = await farm.startNode();
    const farmer = await farm.startFarmer(node.url);
    await until(farmer.status, ({ challenges }) => challenges.passed >= 5);
    const leave = new AbortController();
    // Kept referenced, so that the client does not close them.
    const others: Response[] = [];
    while (others.length < 32) others.push(await fetch(`${farmer.url}/events`, { signal: leave.signal }));
    const { page } = await open(farmer.url);
    const passed = Number(await figure(page, 'Passed'));
    await page.getByText('updated every 15 s: too many clients have this page open').waitFor();
    expect(await label(page)).toBe('Healthy');
    expect(Number(await figure(page, 'Passed'))).toBeGreaterThanOrEqual(passed);
    expect(await page.locator('#contracts tbody tr').count()).toBe(5);
    expect(others.map(({ status }) => status)).toEqual(new Array(32).fill(200));
    leave.abort();
  });

  it('works without JavaScript by reloading itself', async () => {
    await using farm = new TestFarm();
    const node = await farm.startNode();
    const farmer = await farm.startFarmer(node.url);
    await until(farmer.status, ({ challenges }) => challenges.passed >= 5);
    const { page, problems } = await open(farmer.url, { javaScriptEnabled: false });
    expect(await label(page)).toBe('Healthy');
    expect(Number(await figure(page, 'Passed'))).toBeGreaterThanOrEqual(5);
    expect(await figure(page, 'Next deadline')).toMatch(/^in \d/);
    expect(await page.locator('noscript').innerHTML()).toContain('http-equiv="refresh"');
    expect(problems).toEqual([]);
  });
});
