import { FakeClock, FakeLogger } from '@downstream/platform/testing';
import { describe, expect, it } from '@jest/globals';
import { ContractTable } from '../../src/farming/contract-table.ts';
import { readContractList, renderContractList } from '../../src/page/contract-list.ts';
import { INTERVAL_MS, makeId, T0, terms } from '../fakes/builders.ts';
import { FakeOutcomes, MemoryStore } from '../fakes/fake-farmer.ts';

const clock = new FakeClock(T0);

/** A farmer with this many contracts at each of its nodes. */
function createSources(nodes: Readonly<Record<string, number>>, findDisk: (id: string) => string = () => '/data') {
  let next = 0;
  return {
    farmer: {
      nodes: Object.entries(nodes).map(([alias, contracts]) => {
        const store = new MemoryStore();
        for (let n = 0; n < contracts; n++) {
          const id = makeId(next++);
          store.rows.set(id, { terms: terms({ id }), round: { number: 0, issuedAt: T0 }, hadChunk: true });
        }
        const deps = { store, outcomes: new FakeOutcomes(), clock, log: new FakeLogger() };
        return { alias, contracts: ContractTable.load({ chunkBytes: 1 }, deps) };
      }),
    },
    disks: { find: (id: string) => ({ path: findDisk(id) }) },
  };
}

const render = (sources: Parameters<typeof readContractList>[0], page = 1) =>
  renderContractList(readContractList(sources, { page, alias: 'here', clock })).text;

const idsOn = (text: string) => [...text.matchAll(/status\/contracts\/(\w{64})/g)].map(([, id]) => id ?? '');

describe('The page of all contracts', () => {
  it('lists each of ten thousand contracts of two nodes once, with at most 50 on a page', () => {
    const sources = createSources({ one: 25, two: 9_975 });
    const ids: string[] = [];
    for (let page = 1; page <= 200; page++) {
      const text = render(sources, page);
      expect(idsOn(text).length).toBe(50);
      expect(text.length).toBeLessThan(20_000);
      ids.push(...idsOn(text));
    }
    expect(ids).toEqual(Array.from({ length: 10_000 }, (_, n) => makeId(n)));
    expect(render(sources, 3)).toContain('101 to 150 of 10,000');
  });

  it('links to the first, previous, next and last page', () => {
    const sources = createSources({ one: 130 });
    expect(render(sources, 2)).toMatch(
      /contracts\?page=1">first.*contracts\?page=1" rel="prev".*page 2 of 3.*contracts\?page=3" rel="next".*contracts\?page=3">last/,
    );
    expect(render(sources, 1)).not.toContain('rel="prev"');
    expect(render(sources, 3)).not.toContain('rel="next"');
  });

  it.each([
    [0, 1],
    [-1, 1],
    [999_999_999, 3],
  ])('shows the nearest page instead of page %i', (page, shown) => {
    expect(render(createSources({ one: 130 }), page)).toContain(`page ${shown} of 3`);
  });

  it('shows the node, the phase and the deadline in UTC, and disks only if there are several', () => {
    const text = render(createSources({ one: 1 }));
    expect(text).toContain('<td class="name">one</td><td>100 B</td><td>rebuilding</td><td>–</td>');
    expect(text).toContain('deadline (UTC)');
    expect(text).toContain(`<td>${new Date(T0 + INTERVAL_MS).toISOString().slice(0, 19).replace('T', ' ')}</td>`);
    expect(text).toContain('as of 2030-01-01 00:00:00 UTC');
    expect(text).not.toContain('/data');
    const several = render(createSources({ one: 2 }, (id) => (id === makeId(0) ? '/mnt/a' : '/mnt/b')));
    expect(several).toContain('<td class="name"><code>/mnt/a</code></td>');
    expect(several).toContain('<td class="name"><code>/mnt/b</code></td>');
  });

  it('says that there are no contracts', () => {
    expect(render(createSources({ one: 0 }))).toContain('No contracts yet.');
    expect(render(undefined)).toContain('No contracts yet.');
  });
});
