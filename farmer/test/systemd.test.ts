import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from '@jest/globals';
import { readConfig } from '../src/config.ts';
import { SETTINGS } from '../src/settings.ts';

const root = join(import.meta.dirname, '../..');
const read = (path: string) => readFileSync(join(root, 'systemd', path), 'utf8');

describe('systemd/farmer.env', () => {
  const lines = [...read('farmer.env').matchAll(/^(#?)(\w+)=(.*)$/gm)].map(([, mark, name = '', value = '']) => ({
    isActive: mark === '',
    name,
    value,
  }));

  it('contains only settings, each once', () => {
    const known: string[] = Object.values(SETTINGS).map(({ env }) => env);
    const names = lines.map(({ name }) => name);
    expect(names.length).toBeGreaterThan(5);
    expect(names.filter((name, at) => !known.includes(name) || names.indexOf(name) !== at)).toEqual([]);
  });

  it('is complete once address and node are filled in', () => {
    const env = Object.fromEntries(lines.filter(({ isActive }) => isActive).map(({ name, value }) => [name, value]));
    expect(() => readConfig({ env })).toThrow(/^FARMER_NODE_URL: .*\nFARMER_ADDRESS is not set: .*$/);
    const filled = {
      ...env,
      FARMER_NODE_URL: 'https://node.example',
      FARMER_ADDRESS: '19qVgG8C6eXwKMMyvVegsi3xCsKyk3Z3jV',
    };
    expect(readConfig({ env: filled })).toMatchObject({ dataDir: '/srv/downstream', init: false });
  });

  it('suggests only valid values', () => {
    const exclusive = ['FARMER_CONFIG', 'FARMER_PROXY_FILE', 'FARMER_IDENTITY_FILE'];
    const env = Object.fromEntries(
      lines.filter(({ name }) => !exclusive.includes(name)).map(({ name, value }) => [name, value]),
    );
    const nodes = { FARMER_NODE_URL: 'https://a.example=3,https://b.example=1' };
    const address = { FARMER_ADDRESS: '19qVgG8C6eXwKMMyvVegsi3xCsKyk3Z3jV' };
    expect(readConfig({ env: { ...env, ...nodes, ...address } })).toMatchObject({ httpHost: '0.0.0.0', init: true });
  });
});

describe('systemd/downstream.service', () => {
  it('uses the paths of the environment file', () => {
    const [, dataDir = ''] = /^FARMER_DATA_DIR=(.*)$/m.exec(read('farmer.env')) ?? [];
    expect(read('downstream.service')).toContain(`RequiresMountsFor=${dataDir}\n`);
  });
});
