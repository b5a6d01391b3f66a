import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import type { StoredContract } from '../../src/ledger/contract.ts';
import type { FarmerRecord } from '../../src/ledger/farmer-record.ts';
import { StateFile } from '../../src/state/state-file.ts';

const OWNER = { seed: 'seed', genesisSha256: 'a'.repeat(64) };
const CLOCK = {
  mode: 'real',
  scale: 1,
  startScale: 1,
  node: 2_000.5,
  real: 1_000,
  boot: { bootId: 'boot', uptimeMs: 5_000.5 },
} as const;
const contract = (index: number): StoredContract => ({
  index,
  token: 'token',
  hash: `hash ${index}`,
  sizeBytes: 100,
  proof: { kind: 'digest', secret: 'secret', seed: 'seed' },
  challenge: '0.5',
  intervalMs: 60_000,
  acceptedAt: 10,
  startedAt: 10,
  round: 0,
  settled: undefined,
  consecutiveFailures: 0,
  results: { passed: 0, wrong: 0, unanswered: 0 },
});

const farmer = (token: string): FarmerRecord => ({
  token,
  address: 'address',
  client: '127.0.0.1',
  contracts: 1,
  sizeBytes: 100,
  passed: 0,
});

let folder: string;
let file: StateFile;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'state-file-'));
  file = StateFile.open(join(folder, 'state.db'), OWNER);
});
afterEach(() => {
  file.close();
  rmSync(folder, { recursive: true });
});

/** JSON cannot contain a BigInt, so writing it fails. */
const UNWRITABLE = { round: 1n };

/** What a restarted node loads. */
const found = () => {
  file.close();
  file = StateFile.open(join(folder, 'state.db'), OWNER);
  return file.load();
};

describe('StateFile', () => {
  it('is empty when it is new', () => {
    expect(found()).toEqual({
      ledger: { created: { farmers: 0, contracts: 0 }, farmers: [], contracts: [], ended: [] },
      clock: undefined,
      heartbeat: undefined,
    });
  });

  it('contains the changes before the last save', () => {
    const [one, two] = [contract(1), contract(2)];
    file.setCreated({ farmers: 1, contracts: 3 });
    file.putFarmer(farmer('token'));
    file.putContract(two);
    file.putContract(one);
    one.settled = { response: 'response', passed: true };
    one.round = 7;
    file.save(CLOCK);
    expect(file.hasPendingChanges).toBe(false);
    file.putContract(contract(3));
    expect(file.hasPendingChanges).toBe(true);
    expect(found()).toEqual({
      ledger: {
        created: { farmers: 1, contracts: 3 },
        farmers: [farmer('token')],
        contracts: [one, two],
        ended: [],
      },
      clock: CLOCK,
      heartbeat: undefined,
    });
  });

  it('writes the last change of each farmer and contract', () => {
    file.putFarmer(farmer('gone'));
    file.removeFarmer('gone');
    file.removeFarmer('back');
    file.putFarmer(farmer('back'));
    file.putContract(contract(1));
    file.removeContract(contract(1));
    file.removeContract(contract(2));
    file.putContract(contract(2));
    file.save(CLOCK);
    file.putFarmer(farmer('back'));
    file.save(CLOCK);
    expect(found().ledger).toMatchObject({ farmers: [{ token: 'back' }], contracts: [{ index: 2 }] });
  });

  it('keeps ended contracts until they or their farmer are removed', () => {
    for (const token of ['token', 'gone']) {
      file.putFarmer(farmer(token));
      for (const hash of ['3', '1', '2']) file.putEnded({ token, hash });
    }
    file.removeEnded({ token: 'token', hash: '2' });
    file.save(CLOCK);
    file.removeEnded({ token: 'token', hash: '3' });
    file.putEnded({ token: 'token', hash: '4' });
    file.putEnded({ token: 'gone', hash: '4' });
    file.removeFarmer('gone');
    expect(file.hasPendingChanges).toBe(true);
    file.save(CLOCK);
    expect(found().ledger.ended).toEqual([
      { token: 'token', hash: '1' },
      { token: 'token', hash: '4' },
    ]);
  });

  it('writes a save completely or not at all, and retries failed changes with the next one', () => {
    const bad = contract(2);
    Object.assign(bad, UNWRITABLE);
    file.putFarmer(farmer('token'));
    file.putContract(contract(1));
    file.putContract(bad);
    expect(() => file.save(CLOCK)).toThrow(expect.objectContaining({ name: 'StateError' }));
    expect(file.hasPendingChanges).toBe(true);
    bad.round = 5;
    file.save(CLOCK);
    expect(found().ledger).toMatchObject({
      farmers: [{ token: 'token' }],
      contracts: [{ index: 1 }, { index: 2, round: 5 }],
    });
  });

  it('contains nothing of a failed save', () => {
    file.putFarmer(farmer('token'));
    file.putContract(Object.assign(contract(1), UNWRITABLE));
    expect(() => file.save(CLOCK)).toThrow();
    expect(found().ledger.farmers).toEqual([]);
  });
});
