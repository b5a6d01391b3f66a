import { describe, expect, it } from '@jest/globals';
import { createEnvironments } from '../scripts/start-environment.ts';

const create = (env: Record<string, string>, ...args: string[]) =>
  createEnvironments(env, { args, folder: '/tmp/downstream-x' });

describe('npm start', () => {
  it('keeps nothing by default', () => {
    const { node, farmer } = create({});
    expect(node).toMatchObject({ MOCK_STATE: '/tmp/downstream-x/node.db', MOCK_PORT: '0', MOCK_CONTROL_PORT: '0' });
    expect(farmer).toMatchObject({ FARMER_DATA_DIR: '/tmp/downstream-x/farm', FARMER_INIT: 'true' });
  });

  it.each([
    ['FARMER_DATA_DIR', { FARMER_DATA_DIR: '/srv/farm' }, []],
    ['a directory with a slash', { FARMER_DATA_DIR: '/srv/farm/' }, []],
    ['the first of several directories', { FARMER_DATA_DIR: '/srv/farm=1GB,/mnt/b=2GB' }, []],
    ['--data-dir', { FARMER_DATA_DIR: '/other' }, ['--data-dir', '/srv/farm', '--size', '1GB']],
    ['--data-dir=', {}, ['--size=1GB', '--data-dir=/srv/farm']],
  ])("keeps the node's state and port with the farmer's data in %s", (_, env, args) => {
    expect(create(env, ...args).node).toMatchObject({ MOCK_STATE: '/srv/farm.mock-node.db', MOCK_PORT: '5000' });
  });

  it('overrides no variable that is set', () => {
    const env = { MOCK_PORT: '7000', MOCK_STATE: '/x.db', MOCK_CONTROL_PORT: 'off', FARMER_DATA_DIR: '/srv/farm' };
    expect(create(env).node).toMatchObject(env);
    expect(create(env).farmer).toMatchObject(env);
  });
});
