import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { run } from './commands.ts';
import { Farm } from './farm.ts';
import { IMAGES } from './images.ts';
import { readClusterSettings } from './settings.ts';

const CHART = join(import.meta.dirname, '../../chart');
const FARMERS = ['farmer-0', 'farmer-1'];
const VALUES = {
  // Payments to this example address are lost.
  address: '19qVgG8C6eXwKMMyvVegsi3xCsKyk3Z3jV',
  nodeUrl: 'http://mock-node:5000',
  // Two contracts: the proofs of many farmers share the CPU.
  size: '64MiB',
  replicas: FARMERS.length,
  minReadySeconds: 1,
  'image.tag': IMAGES['downstream-farmer'].split(':')[1],
  'volume.size': '1Gi',
};

describe('the Helm chart', () => {
  let farm: Farm;
  beforeAll(async () => {
    // The chart replaces the farmers of the overlay: its mock node remains, and the permission to start.
    farm = await Farm.create('chart', { farmers: 0 });
    const kinds = 'statefulset,service,serviceaccount,networkpolicy,poddisruptionbudget';
    await farm.kubectl(['delete', kinds, '--selector=app.kubernetes.io/name=farmer']);
    await farm.waitForPod('mock-node-0');
  });
  afterAll(async () => await farm?.remove());

  /** Runs helm for the release `farm` in the farm's namespace. */
  const helm = async (command: string, args: readonly string[] = []) =>
    await run('helm', [
      command,
      'farm',
      ...args,
      `--namespace=${farm.namespace}`,
      `--kube-context=${readClusterSettings().context}`,
    ]);
  /** Installs or upgrades the release. */
  const deploy = async (command: 'install' | 'upgrade', settings: Readonly<Record<string, string>> = {}) => {
    const values = Object.entries({ ...VALUES, settings });
    await helm(command, [CHART, ...values.map(([name, value]) => `--set-json=${name}=${JSON.stringify(value)}`)]);
  };
  const readLogLevels = async () =>
    await Promise.all(
      FARMERS.map(async (pod) => await farm.kubectl(['exec', pod, '--', 'node', '-p', 'process.env.FARMER_LOG_LEVEL'])),
    );
  const listContracts = async () => await Promise.all(FARMERS.map(async (pod) => await farm.listContracts(pod)));

  it('installs farmers that pass challenges', async () => {
    await deploy('install');
    await farm.rollout();
    for (const pod of FARMERS) await farm.untilChallengePassed(pod);
  });

  it('restarts the farmers with changed settings', async () => {
    await deploy('upgrade', { FARMER_LOG_LEVEL: 'debug' });
    await farm.rollout();
    expect(await readLogLevels()).toEqual(['debug', 'debug']);
  });

  it('stops a wrong setting at the first pod, keeps what the others need to restart, and undoes it', async () => {
    await deploy('upgrade', { FARMER_LOG_LEVEL: 'debug', FARMER_WORKERS: 'many' });
    await farm.untilPod('the message', 'farmer-1', ({ status }) =>
      Boolean(status?.containerStatuses?.[0]?.lastState?.terminated?.message?.includes('FARMER_WORKERS')),
    );
    // Its container reads the settings again.
    await farm.kubectl(['exec', 'farmer-0', '--', 'node', '-e', 'process.kill(1)']);
    await farm.untilPod('a restart', 'farmer-0', ({ status }) => status?.containerStatuses?.[0]?.restartCount === 1);
    await farm.waitForPod('farmer-0');
    await helm('rollback');
    await farm.rollout();
    expect(await readLogLevels()).toEqual(['debug', 'debug']);
  });

  it('keeps the volumes when it is uninstalled, and finds its contracts when it is installed again', async () => {
    const contracts = await listContracts();
    await helm('uninstall');
    const pods = FARMERS.map((pod) => `pod/${pod}`);
    await farm.kubectl(['wait', '--for=delete', ...pods, '--timeout=60s'], { timeoutMs: 70_000 });
    await farm.kubectl(['delete', 'configmap', 'farmer-first-start']);
    await deploy('install');
    await farm.rollout();
    expect(await listContracts()).toEqual(contracts.map((before) => expect.arrayContaining(before)));
    for (const pod of FARMERS) await farm.untilChallengePassed(pod);
  });
});
