import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { backUp, createRestorePod, replaceVolume, restore } from './backup.ts';
import { Farm } from './farm.ts';

// The farmer is not the last one, which could simply be scaled away.
describe('a farmer whose volume is lost', () => {
  const folder = mkdtempSync(join(tmpdir(), 'downstream-backup-'));
  const backup = join(folder, 'farmer-0.db');
  let farm: Farm;
  let contracts: string[];
  let farmerId: string | null | undefined;
  beforeAll(async () => {
    farm = await Farm.start('restore', { farmers: 2 });
    await farm.untilChallengePassed('farmer-0');
  });
  afterAll(async () => {
    await farm?.remove();
    rmSync(folder, { recursive: true });
  });

  it('was backed up while it ran', async () => {
    await backUp(farm, 'farmer-0', backup);
    contracts = await farm.listContracts('farmer-0');
    farmerId = (await farm.fetchStatus('farmer-0')).nodes[0]?.farmerId;
    expect(contracts).not.toEqual([]);
  });

  it('refuses to start with a new volume', async () => {
    // As in production: the permission ends after the first start.
    await farm.kubectl(['delete', 'configmap', 'farmer-first-start']);
    expect(await replaceVolume(farm, 'farmer-0')).toContain('the data directory /data is empty');
  });

  it('continues with its token and contracts after a restore, while the other farmer keeps running', async () => {
    const other = await farm.getPod('farmer-1');
    expect(await restore(farm, 'farmer-0', backup)).toMatch(/^restored \d+ contracts of http:\/\/mock-node:5000 /);
    await farm.apply();
    await farm.rollout();
    expect((await farm.fetchStatus('farmer-0')).nodes[0]?.farmerId).toBe(farmerId);
    expect(await farm.listContracts('farmer-0')).toEqual(expect.arrayContaining(contracts));
    // Its chunk was lost and is rebuilt.
    await farm.untilChallengePassed('farmer-0');
    expect((await farm.getPod('farmer-1')).metadata?.uid).toBe(other.metadata?.uid);
  });

  it('is not restored while it runs', async () => {
    const { spec } = await farm.getPod('farmer-0');
    await createRestorePod(farm, 'farmer-0', spec?.nodeName);
    await farm.kubectl(['wait', '--for=jsonpath={.status.phase}=Failed', 'pod/restore', '--timeout=60s']);
    expect(await farm.kubectl(['logs', 'restore'])).toContain('a farmer is running in /data');
    await farm.untilChallengePassed('farmer-0');
  });
});
