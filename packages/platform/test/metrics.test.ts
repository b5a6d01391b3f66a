import { describe, expect, it } from '@jest/globals';
import { formatMetricsMarkdown, MetricSet } from '../src/metrics.ts';

const CATALOGUE = {
  done: {
    type: 'counter',
    name: 'test_done_total',
    unit: 'jobs',
    question: 'How much is done?',
    help: 'Jobs done.',
    labels: { kind: ['a', 'b'], result: ['good', 'bad'] },
  },
  seconds: {
    type: 'histogram',
    name: 'test_seconds',
    unit: 'seconds',
    question: 'How long?',
    help: 'Time taken.',
    labels: { kind: ['a'] },
    buckets: [1, 2],
  },
  level: { type: 'gauge', name: 'test_level', unit: 'levels', question: 'How high?', help: 'The level.' },
  named: { type: 'gauge', name: 'test_named', unit: '', question: '', help: 'Named.', labels: { name: null } },
} as const;

const createSet = (labelValues: Record<string, readonly string[]> = {}) => {
  const errors: string[] = [];
  return {
    set: new MetricSet(CATALOGUE, { labelValues, onError: (metric, error) => errors.push(`${metric}: ${error}`) }),
    errors,
  };
};

/** Blocks the event loop, and then lets all due timers run. */
async function blockEventLoop(ms: number): Promise<void> {
  Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, ms);
  await new Promise((resolve) => setTimeout(resolve, 0));
  await new Promise(setImmediate);
}

describe('MetricSet', () => {
  it('initializes labels whose values are known only at run time', async () => {
    const { text } = await createSet({ name: ['one', 'two'] }).set.scrape();
    expect(text.match(/^test_named.*/gm)).toEqual(['test_named{name="one"} 0', 'test_named{name="two"} 0']);
  });

  it('initializes every combination of known label values to 0', async () => {
    const { text } = await createSet().set.scrape();
    expect(text.match(/^test_done_total.*/gm)).toEqual([
      'test_done_total{kind="a",result="good"} 0',
      'test_done_total{kind="a",result="bad"} 0',
      'test_done_total{kind="b",result="good"} 0',
      'test_done_total{kind="b",result="bad"} 0',
    ]);
    expect(text).toContain('test_seconds_bucket{le="2",kind="a"} 0');
    expect(text).toContain('test_level 0');
    expect(text).not.toMatch(/^test_named\{/m);
  });

  it('reads gauges at each scrape', async () => {
    const { set } = createSet();
    let level = 1;
    set.onScrape('level', async (gauge) => gauge.set(level));
    expect((await set.scrape()).text).toContain('test_level 1');
    level = 2;
    expect((await set.scrape()).text).toContain('test_level 2');
  });

  it('measures only the delay of the event loop, and not the time between samples', async () => {
    const { set } = createSet();
    const readMax = async () => Number(/^nodejs_eventloop_lag_max_seconds (.*)$/m.exec((await set.scrape()).text)?.[1]);
    expect(await readMax()).toBe(0);
    await blockEventLoop(150); // The first sample only starts the measurement.
    await blockEventLoop(400);
    const seconds = await readMax();
    expect(seconds).toBeGreaterThanOrEqual(0.29);
    expect(await readMax()).toBe(seconds);
  });

  it.each([
    [
      'throws',
      () => {
        throw new Error('no');
      },
    ],
    ['rejects', async () => await Promise.reject(new Error('no'))],
  ])('reports a metric whose reader %s, and still returns the others', async (_, fails) => {
    const { set, errors } = createSet();
    set.onScrape('level', fails);
    set.onScrape('named', (gauge) => gauge.set({ name: 'x' }, 1));
    const { text } = await set.scrape();
    expect(text).not.toContain('test_level');
    expect(text).toContain('test_named{name="x"} 1');
    expect(text).toContain('process_start_time_seconds');
    expect(errors).toEqual(['test_level: Error: no']);
  });
});

describe('formatMetricsMarkdown', () => {
  it('formats one row per metric, with all label values', () => {
    expect(formatMetricsMarkdown(CATALOGUE).split('\n').slice(2, 4)).toEqual([
      '| `test_done_total` | counter | jobs | `kind`: `a` `b`<br>`result`: `good` `bad` | How much is done? | Jobs done. |',
      '| `test_seconds` | histogram | seconds | `kind`: `a` | How long? | Time taken. |',
    ]);
  });
});
