import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { PRESET_NAMES, scenario } from '@downstream/control-api';
import { startMockNode } from '@downstream/mock-node';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { PRESETS } from '../../src/faults/presets.ts';
import { readScenarioFile } from '../../src/faults/scenario-file.ts';
import { IDENTITY } from '../support/ledger.ts';
import { setUpMockNode } from '../support/mock-node.ts';
import { ask, until } from '../support/raw-client.ts';

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'scenario-'));
});
afterEach(() => rmSync(folder, { recursive: true }));

/** Writes a file. @returns its path */
const writeScenario = (text: string | Buffer, name = 'scenario.yaml'): string => {
  const path = join(folder, name);
  writeFileSync(path, text);
  return path;
};

const YAML = `
# Sundays.
name: sunday
description: Slow, and sometimes away.
config: { intervalMs: 5000 }
faults:
  - name: late
    match: { route: [due, challenge] }
    probability: 0.5
    effect: { kind: fixed, ms: 250 }
  - { name: away, window: { afterMs: 60000, durationMs: 10000 }, effect: reset }
`;

describe('readScenarioFile', () => {
  it('reads YAML', () => {
    const read = readScenarioFile(writeScenario(YAML));
    expect(read).toMatchObject({
      name: 'sunday',
      description: 'Slow, and sometimes away.',
      config: { intervalMs: 5_000 },
      faults: [
        { name: 'late', enabled: true, match: { route: ['due', 'challenge'] }, probability: 0.5, skip: 0 },
        { name: 'away', window: { afterMs: 60_000, durationMs: 10_000 }, effect: { kind: 'reset' } },
      ],
    });
  });

  it('reads JSON', () => {
    const given = readScenarioFile(writeScenario(YAML));
    expect(readScenarioFile(writeScenario(JSON.stringify(given, null, 2), 'scenario.json'))).toEqual(given);
  });

  it('resolves anchors', () => {
    const read = readScenarioFile(
      writeScenario('name: a\nfaults: [{ name: b, effect: &e reset }, { name: c, effect: *e }]\n'),
    );
    expect(read.faults.map(({ effect }) => effect.kind)).toEqual(['reset', 'reset']);
  });

  it.each([
    ['', '/: Invalid input: expected object, received null'],
    ['[]', '/: Invalid input: expected object, received array'],
    ['description: nameless', '/name: Invalid input: expected string, received undefined'],
    ['name: A B', '/name: must be 1 to 40 lowercase letters, digits, - or _, and start with a letter or digit'],
    ['name: a\nfautls: []', '/fautls: unknown field'],
    ['name: a\n__proto__: {}', '/__proto__: unknown field'],
    ['name: a\nconfig: { intervalMs: soon }', '/config/intervalMs: Invalid input: expected number, received string'],
    ['name: a\nconfig: { a/b~c: 1 }', '/config/a~1b~0c: unknown field'],
    ['name: a\nfaults: [{ name: b }]', '/faults/0/effect: Invalid input: expected object, received undefined'],
    [
      'name: a\nfaults: [{ name: b, effect: rest }]',
      "/faults/0/effect/kind: Invalid discriminator value. Expected 'reset' |",
    ],
    ['name: a\nfaults: [{ name: b, effect: { kind: fixed, ms: 1, s: 2 } }]', '/faults/0/effect/s: unknown field'],
    ['name: a\nfaults: [{ name: b, effect: fixed }]', '/faults/0/effect/ms: Invalid input: expected number'],
    [
      'name: a\nfaults: [{ name: b, match: { route: dew }, effect: reset }]',
      '/faults/0/match/route: Invalid input: expected "*"; or Invalid option: expected one of "connectivity"|"new"|',
    ],
    [
      'name: a\nfaults: [{ name: b, match: { route: [due, dew] }, effect: reset }]',
      '/faults/0/match/route/1: Invalid option: expected one of "connectivity"|"new"|',
    ],
    [
      'name: a\nfaults: [{ name: b, match: { route: due }, effect: wrong_hash }]',
      '/faults/0/match/route: the effect can do nothing on this route',
    ],
    [
      'name: a\nfaults: [{ name: b, effect: { kind: uniform, minMs: 2, maxMs: 1 } }]',
      '/faults/0/effect/minMs: must not be greater than maxMs',
    ],
    ['name: a\nfaults: [{ name: b, effect: reset }, { name: b, effect: empty }]', '/faults/1/name: duplicate name'],
  ])('reports the file and the place of an error: %j', (text, message) => {
    const path = writeScenario(text);
    expect(() => readScenarioFile(path)).toThrow(
      expect.objectContaining({
        code: 'invalid_settings',
        message: expect.stringContaining(`MOCK_SCENARIO (${JSON.stringify(path)}): ${message}`),
      }),
    );
  });

  it('reports several errors, one per line', () => {
    const path = writeScenario('name: a\nconfg: {}\nfaults: [{ name: b, probability: 2, skip: -1, effect: reset }]');
    const lines = ['/faults/0/skip: ', '/faults/0/probability: ', '/confg: '];
    expect(() => readScenarioFile(path)).toThrow(
      new RegExp(`^${lines.map((line) => `MOCK_SCENARIO \\("[^"]*"\\): ${line}[^\n]+`).join('\n')}$`),
    );
  });

  it.each([
    ['name: [a\n', 'Flow sequence in block collection must be'],
    ['a: b: c', 'Nested mappings are not allowed in compact mappings at line 1, column 4'],
    ['name: a\nname: b', 'Map keys must be unique at line 2, column 1'],
    ['name: a\n---\nname: b\n', 'Source contains multiple documents'],
    ['name: *x', 'Unresolved alias (the anchor must be set before the alias): x'],
    ['{"name": "a",', 'at line 1'],
  ])('reports a syntax error in one line: %j', (text, why) => {
    const path = writeScenario(text);
    expect(() => readScenarioFile(path)).toThrow(`MOCK_SCENARIO (${JSON.stringify(path)}) is neither YAML nor JSON: `);
    expect(() => readScenarioFile(path)).toThrow(why);
    expect(() => readScenarioFile(path)).not.toThrow(/\n|:$/);
  });

  it('rejects aliases that expand excessively and deeply nested brackets', () => {
    const letters = [...'abcdefghi'];
    const bomb = letters
      .map((letter, n) => `${letter}: &${letter} [${Array(10).fill(n === 0 ? 'x' : `*${letters[n - 1]}`)}]`)
      .join('\n');
    for (const text of [bomb, '['.repeat(5_000), `name: ${'{a: '.repeat(5_000)}`])
      expect(() => readScenarioFile(writeScenario(text))).toThrow('is neither YAML nor JSON');
  });

  it('rejects a path that is missing, a folder, too large or a device', () => {
    mkdirSync(join(folder, 'folder'));
    const large = writeScenario(Buffer.alloc(1024 * 1024 + 1, ' '));
    for (const [path, why] of [
      [join(folder, 'nothing'), 'ENOENT'],
      [join(folder, 'folder'), 'not a regular file'],
      [large, 'larger than 1048576 bytes'],
      ['/dev/zero', 'not a regular file'],
    ] as const) {
      expect(() => readScenarioFile(path)).toThrow(
        `MOCK_SCENARIO (${JSON.stringify(path)}) cannot be read (${why}): choose`,
      );
    }
  });

  it('rejects a file with too many values before it validates each of them', () => {
    const path = writeScenario(`{ "name": "a", "faults": [${Array(10_000).fill(0)}] }`);
    expect(() => readScenarioFile(path)).toThrow(/^MOCK_SCENARIO \("[^"]*"\) has more than 10000 values$/);
  });

  it('accepts a file of the maximum size', () => {
    const text = 'name: a\n'.padEnd(1024 * 1024, '#');
    expect(readScenarioFile(writeScenario(text)).name).toBe('a');
  });
});

describe('a starting node', () => {
  const { start, url, controller } = setUpMockNode();

  it('applies its preset, its scenario file and its start options in this order', async () => {
    const scenarioPath = writeScenario(YAML);
    await start({ preset: 'flaky', scenarioPath, faults: [{ name: 'mine', skip: 1, effect: 'reset' }] });
    const names = () =>
      controller()
        .faults.list(controller().clock.now())
        .map(({ name }) => name);
    const all = ['flaky-reset', 'flaky-503', 'flaky-lost-response', 'flaky-slow', 'late', 'away', 'mine'];
    expect(names()).toEqual(all);
    expect(controller().config.intervalMs).toBe(5_000);
    controller().reset();
    expect(names()).toEqual(all);
    expect(controller().config.intervalMs).toBe(5_000);
  });

  it('rejects invalid faults in its start options', async () => {
    await expect(startMockNode({ port: 0, faults: [{ name: 'a', probability: 2, effect: 'reset' }] })).rejects.toThrow(
      'invalid fault in the start options: /faults/0/probability: Too big',
    );
  });

  it.each(PRESET_NAMES)('applies faults of the preset %s', async (preset) => {
    await start({ preset });
    const before = controller().faults.list(controller().clock.now());
    expect(before.length).toBeGreaterThan(0);
    const routes = ['', 'chunk/', 'due/', 'v1/chunk/', 'challenge/', 'remove/'];
    await until('a fault is applied', async () => {
      const token = controller().ledger.register(IDENTITY);
      const path = (route: string) => (route === '' ? '/' : `/api/downstream/${route}${token}/hash/response`);
      const two = (route: string) => path(route).replace(/\/hash\/response$/, '');
      for (const route of routes)
        await ask(url(), ['chunk/', 'due/', 'v1/chunk/'].includes(route) ? two(route) : path(route));
      return controller()
        .faults.list(controller().clock.now())
        .some(({ applied }) => applied > 0);
    });
  });
});

describe('the presets', () => {
  it.each(PRESETS.map((preset) => [preset.name, preset] as const))(
    'contain the valid scenario %s with a description',
    (_, preset) => {
      const { description, faults } = scenario.parse(preset);
      expect(description).toMatch(/^[A-Z].*\.$/);
      expect(faults.length).toBeGreaterThan(0);
    },
  );

  it('have unique fault names, so that they can be combined', () => {
    const names = PRESETS.flatMap(({ faults }) => faults.map(({ name }) => name));
    expect(new Set(names).size).toBe(names.length);
  });
});
