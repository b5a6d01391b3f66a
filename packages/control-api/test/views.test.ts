import {
  configChange,
  journalFilter,
  OPERATIONS,
  type Operation,
  resetRequest,
  scenario,
} from '@downstream/control-api';
import { describe, expect, it } from '@jest/globals';
import * as fc from 'fast-check';
import { parseEventStream } from '../src/event-stream.ts';

describe('the schema of a scenario', () => {
  it('requires only a name', () => {
    expect(scenario.parse({ name: 'a' })).toEqual({ name: 'a', description: '', config: {}, faults: [] });
  });

  it('reports the paths of nested errors', () => {
    const given = {
      name: 'a',
      config: { intervalSeconds: 5 },
      faults: [{ name: 'b', effect: { kind: 'hang', for: 1 } }],
    };
    const places = scenario.safeParse(given).error?.issues.map(({ path }) => path.join('/'));
    expect(places?.toSorted()).toEqual(['config', 'faults/0/effect']);
  });
});

describe('the schema of a change of settings', () => {
  it('allows any of the settings within their limits', () => {
    expect(configChange.parse({})).toEqual({});
    for (const wrong of [
      { intervalMs: 0 },
      { intervalMs: 1.5 },
      { maxContracts: -1 },
      { maxFailures: 0 },
      { contractForm: 'paper' },
    ])
      expect(configChange.safeParse(wrong).success).toBe(false);
  });
});

describe('the schema of a journal filter', () => {
  it('parses numbers of a query', () => {
    expect(journalFilter.parse({ status: '503', since: '12' })).toEqual({ status: 503, since: 12 });
  });

  it.each([
    { status: '' },
    { status: '99' },
    { status: 'ok' },
    { since: '-1' },
    { since: 'x' },
    { farmer: '' },
    { on: 'x' },
  ])('rejects %j', (given) => {
    expect(journalFilter.safeParse(given).success).toBe(false);
  });
});

describe('the schema of a reset', () => {
  it('requires at least one part if there are any', () => {
    expect(resetRequest.safeParse({}).success).toBe(true);
    expect(resetRequest.safeParse({ parts: [] }).success).toBe(false);
  });
});

describe('the table of operations', () => {
  const operations: [string, Operation][] = Object.entries(OPERATIONS);

  it('has one operation for each method and path', () => {
    const asked = operations.map(([, { method, path }]) => `${method} ${path}`);
    expect(new Set(asked).size).toBe(asked.length);
  });

  it.each(operations)('is consistent for %s', (_, { path, params, body, example, status, response }) => {
    const inPath = [...path.matchAll(/\{(\w+)\}/g)].map(([, name]) => name);
    expect(Object.keys(params?.shape ?? {})).toEqual(inPath);
    expect(body?.safeParse(example).error).toBeUndefined();
    expect(status === 204).toBe(response === undefined);
  });
});

describe('parseEventStream', () => {
  const read = async (pieces: Uint8Array[]) => {
    const data: string[] = [];
    for await (const event of parseEventStream(ReadableStream.from(pieces))) data.push(event);
    return data;
  };
  const cutUp = (text: string, size: number) => {
    const bytes = new TextEncoder().encode(text);
    return Array.from({ length: Math.ceil(bytes.length / size) }, (_, n) => bytes.slice(n * size, (n + 1) * size));
  };

  it('yields the data of each event without comments, names and ids', async () => {
    const text = 'retry: 2000\n\ndata: one\n\n: heartbeat\n\nid: 7\nevent: x\ndata:two\ndata:  2\n\ndata: never ended';
    expect(await read(cutUp(text, 1_000))).toEqual(['one', 'two\n 2']);
  });

  it('yields the same for any pieces and line ends', async () => {
    const event = fc.string({ unit: 'grapheme' }).filter((text) => !/[\r\n]/.test(text));
    const asked = fc.asyncProperty(
      fc.array(event),
      fc.integer({ min: 1, max: 20 }),
      fc.constantFrom('\n', '\r\n', '\r'),
      async (events, size, end) => {
        const text = events.map((data) => `: x${end}data: ${data}${end}${end}`).join('');
        // The end of the stream may be half of a line end.
        expect(await read(cutUp(`${text}:`, size))).toEqual(events);
      },
    );
    await fc.assert(asked);
  });
});
