import { randomBytes } from 'node:crypto';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, it } from '@jest/globals';
import { backUp, replaceVolume, restore } from './backup.ts';
import { Farm } from './farm.ts';
import { deleteMachine, drain, findMachine, listMachines, switchPower, uncordon, waitForMachine } from './machines.ts';
import { NetworkVolumes } from './network-volumes.ts';
import { readClusterSettings } from './settings.ts';
import { until } from './until.ts';

// Three farmers on two machines: at least one machine runs two.
const FARMERS = ['farmer-0', 'farmer-1', 'farmer-2'];
const { power, sharedFolder } = readClusterSettings();

const listContracts = async (farm: Farm) =>
  await Promise.all(FARMERS.map(async (pod) => await farm.listContracts(pod)));
const expectContracts = async (farm: Farm, before: readonly string[][]) =>
  expect(await listContracts(farm)).toEqual(before.map((contracts) => expect.arrayContaining([...contracts])));
const startFarm = async (...args: Parameters<typeof Farm.start>) => {
  const farm = await Farm.start(...args);
  for (const pod of FARMERS) await farm.untilChallengePassed(pod);
  return farm;
};

describe('farmers with local volumes', () => {
  let farm: Farm;
  beforeAll(async () => {
    farm = await startFarm('local', { farmers: 3 });
  });
  afterEach(async () => {
    for (const machine of await listMachines()) await uncordon(machine);
  });
  afterAll(async () => await farm?.remove());

  it('hang in a drain until the component local-volumes is applied', async () => {
    const places = await Promise.all(FARMERS.map(async (pod) => await findMachine(farm, pod)));
    const machine = places.find((place, n) => places.indexOf(place) !== n) ?? '';
    await expect(drain(machine, farm, 20)).rejects.toThrow("violate the pod's disruption budget");
    await farm.apply({ components: ['local-volumes'] });
    await drain(machine, farm, 60);
    await uncordon(machine);
    await farm.rollout();
  });

  it('let a drain of each machine end, wait for it, and keep their contracts', async () => {
    const before = await listContracts(farm);
    for (const machine of await listMachines()) {
      const places = await Promise.all(FARMERS.map(async (pod) => await findMachine(farm, pod)));
      await drain(machine, farm, 60);
      for (const [n, pod] of FARMERS.entries()) {
        if (places[n] !== machine) continue;
        await farm.untilPod(`${pod} to wait for its machine`, pod, ({ status }) => status?.phase === 'Pending');
      }
      await uncordon(machine);
      await farm.waitForPod('mock-node-0');
      await farm.rollout();
    }
    await expectContracts(farm, before);
    for (const pod of FARMERS) await farm.untilChallengePassed(pod);
  });

  (power === undefined ? it.skip : it)('go on when a machine fails, and return with it', async () => {
    const before = await listContracts(farm);
    const home = await findMachine(farm, 'mock-node-0');
    const [lost = ''] = (await listMachines()).filter((machine) => machine !== home);
    const places = await Promise.all(FARMERS.map(async (pod) => await findMachine(farm, pod)));
    const [survivor = ''] = FARMERS.filter((_, n) => places[n] === home);
    await switchPower('off', lost);
    try {
      await waitForMachine(lost, 'Ready=Unknown');
      await farm.untilChallengePassed(survivor);
    } finally {
      await switchPower('on', lost);
    }
    await waitForMachine(lost, 'Ready');
    await until(
      'all farmers to be ready',
      async () => (await farm.getSet()).status?.readyReplicas,
      (ready) => ready === FARMERS.length,
      120_000,
    );
    await expectContracts(farm, before);
    for (const pod of FARMERS) await farm.untilChallengePassed(pod);
  });

  (power === undefined ? it.skip : it)('are restored on another machine when theirs is lost for good', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'downstream-backup-'));
    const backups = new Map(FARMERS.map((pod) => [pod, join(folder, `${pod}.db`)]));
    for (const [pod, path] of backups) await backUp(farm, pod, path);
    const before = await listContracts(farm);
    const home = await findMachine(farm, 'mock-node-0');
    const [lost = ''] = (await listMachines()).filter((machine) => machine !== home);
    const places = await Promise.all(FARMERS.map(async (pod) => await findMachine(farm, pod)));
    const victims = [...backups].filter((_, n) => places[n] === lost);
    expect(victims).not.toEqual([]);
    await farm.kubectl(['delete', 'configmap', 'farmer-first-start']);
    await switchPower('off', lost);
    try {
      await deleteMachine(lost);
      for (const [pod] of victims) {
        // Its volume is bound to the lost machine.
        await farm.untilPod(`${pod} to be Pending`, pod, ({ spec }) => spec?.nodeName === undefined, 120_000);
        expect(await replaceVolume(farm, pod)).toContain('the data directory /data is empty');
      }
      for (const [pod, backup] of victims) await restore(farm, pod, backup);
      await farm.apply();
      await farm.rollout();
      for (const [pod] of victims) expect(await findMachine(farm, pod)).not.toBe(lost);
      await expectContracts(farm, before);
      for (const pod of FARMERS) await farm.untilChallengePassed(pod);
    } finally {
      await switchPower('on', lost);
      await waitForMachine(lost, 'Ready');
      rmSync(folder, { recursive: true });
    }
  });
});

(sharedFolder === undefined ? describe.skip : describe)('farmers with network volumes', () => {
  const name = `downstream-test-network-${randomBytes(3).toString('hex')}`;
  const volumes = new NetworkVolumes(sharedFolder ?? '', name);
  let farm: Farm;
  beforeAll(async () => {
    // One for each farmer and one for the node.
    await volumes.create(FARMERS.length + 1);
    farm = await startFarm('network-volumes', {
      farmers: 3,
      patches: ['farmer', 'mock-node'].map((set) => ({
        target: { kind: 'StatefulSet', name: set },
        patch: JSON.stringify([{ op: 'add', path: '/spec/volumeClaimTemplates/0/spec/storageClassName', value: name }]),
      })),
    });
  });
  afterEach(async () => {
    for (const machine of await listMachines()) await uncordon(machine);
  });
  afterAll(async () => {
    await farm?.remove();
    await volumes.remove();
  });

  it('move to the other machine one by one when each machine is drained, and keep their contracts', async () => {
    const before = await listContracts(farm);
    for (const machine of await listMachines()) {
      await drain(machine, farm, 120);
      await farm.waitForPod('mock-node-0');
      await farm.rollout();
      for (const pod of FARMERS) expect(await findMachine(farm, pod)).not.toBe(machine);
      await uncordon(machine);
    }
    await expectContracts(farm, before);
    for (const pod of FARMERS) await farm.untilChallengePassed(pod);
  });
});
