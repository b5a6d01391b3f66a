import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { Farm } from './farm.ts';

const set = { kind: 'StatefulSet', name: 'farmer' };

/** Kills the farmer's process, which is not PID 1 if the pod shares its process namespace. */
const KILL_FARMER = `
const { readdirSync, readFileSync } = require('node:fs');
const read = (pid) => { try { return readFileSync('/proc/' + pid + '/cmdline', 'utf8'); } catch { return ''; } };
const pids = readdirSync('/proc').filter((name) => /^\\d+$/.test(name) && Number(name) !== process.pid);
process.kill(Number(pids.find((pid) => read(pid).includes('downstream.js'))), 'SIGKILL');
`;

describe('a farmer', () => {
  let farm: Farm;
  beforeAll(async () => {
    const patch = [{ op: 'add', path: '/spec/template/spec/shareProcessNamespace', value: true }];
    farm = await Farm.start('failures', { patches: [{ target: set, patch: JSON.stringify(patch) }] });
    await farm.untilChallengePassed('farmer-0');
  });
  afterAll(async () => await farm?.remove());

  it('starts again in the same pod with its contracts when its process is killed', async () => {
    const contracts = await farm.listContracts('farmer-0');
    await farm.kubectl(['exec', 'farmer-0', '--', 'node', '-e', KILL_FARMER]);
    const pod = await farm.untilPod(
      'a restart',
      'farmer-0',
      ({ status }) => status?.containerStatuses?.[0]?.restartCount === 1,
    );
    expect(pod.status?.containerStatuses?.[0]?.lastState?.terminated?.exitCode).toBe(137);
    await farm.waitForPod('farmer-0');
    expect(await farm.listContracts('farmer-0')).toEqual(expect.arrayContaining(contracts));
    await farm.untilChallengePassed('farmer-0');
  });

  it('refuses to start on an emptied volume, and kubectl describe shows why', async () => {
    // As in production: the permission ends after the first start.
    await farm.kubectl(['delete', 'configmap', 'farmer-first-start']);
    await farm.kubectl(['exec', 'farmer-0', '--', 'node', '-e', EMPTY_VOLUME]);
    await farm.kubectl(['delete', 'pod', 'farmer-0', '--force']);
    const pod = await farm.untilPod('the refusal', 'farmer-0', ({ metadata, status }) =>
      Boolean(metadata?.uid && status?.containerStatuses?.[0]?.lastState?.terminated?.message),
    );
    expect(pod.status?.containerStatuses?.[0]?.lastState?.terminated?.message).toMatch(/data directory .*is empty/);
    expect(await farm.kubectl(['describe', 'pod', 'farmer-0'])).toMatch(/Message: .*data directory .*is empty/);
  });
});

const EMPTY_VOLUME = `
const { readdirSync, rmSync } = require('node:fs');
for (const name of readdirSync('/data')) rmSync('/data/' + name, { recursive: true });
`;
