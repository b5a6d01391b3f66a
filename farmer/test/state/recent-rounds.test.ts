import { copyFileSync, writeFileSync } from 'node:fs';
import { DatabaseSync } from 'node:sqlite';
import { FakeClock } from '@downstream/platform/testing';
import { describe, expect, it } from '@jest/globals';
import { T0 } from '../fakes/builders.ts';
import { claimNode, contract, entry, outcome, StateDir } from '../fakes/state-dir.ts';

const dir = new StateDir();
const MINUTE = 60_000;
const HOUR = 60 * MINUTE;

/** One run of a farmer, in which challenges pass at these minutes after T0. */
function run(minutes: readonly number[], journalSize = 100, until = minutes.at(-1) ?? 0): void {
  const store = openAt(minutes[0] ?? until, journalSize);
  const node = claimNode(store);
  if (node.contracts().length === 0) node.insert(contract(1));
  for (const minute of minutes) {
    setTime(minute);
    const settledAt = dir.clock.now();
    node.update(contract(1), outcome('passed', 1, { ...entry(1), settledAt, dueAt: settledAt + 1 }));
  }
  setTime(until);
  dir.close();
}

function setTime(minute: number): void {
  void dir.clock.jump(T0 + minute * MINUTE - dir.clock.now());
}

function openAt(minute: number, journalSize = 100) {
  setTime(minute);
  const store = dir.open(journalSize);
  store.beat();
  return store;
}

/** The recent rounds at the next start, in minutes after T0. */
function read(minute: number, journalSize = 100) {
  const store = openAt(minute, journalSize);
  claimNode(store);
  const { rounds, completeSince } = store.recentRounds(dir.clock.now() - 12 * HOUR);
  const toMinutes = (at: number) => Math.round((at - T0) / MINUTE);
  return { settledAt: rounds.map(({ settledAt }) => toMinutes(settledAt)), since: toMinutes(completeSince) };
}

describe('The recent rounds in a state', () => {
  it('are complete since its creation, over a restart', () => {
    run([0, 1, 2]);
    run([10, 11]);
    expect(read(12)).toEqual({ settledAt: [0, 1, 2, 10, 11], since: 0 });
  });

  it('begin with the oldest entry of a journal that was too short', () => {
    run([0, 1, 2, 3, 4], 3);
    expect(read(5, 3)).toEqual({ settledAt: [2, 3, 4], since: 2 });
  });

  it('begin at the start without a journal, or at the end of the last run if there was none', () => {
    run([0, 1], 0);
    expect(read(2, 0)).toEqual({ settledAt: [], since: 2 });
    dir.close();
    expect(read(3)).toEqual({ settledAt: [], since: 2 });
  });

  it('begin when an older copy was restored', () => {
    run([0, 1]);
    copyFileSync(dir.join('state.db'), dir.join('older'));
    run([2, 3]);
    copyFileSync(dir.join('older'), dir.join('state.db'));
    run([5]);
    expect(read(6)).toEqual({ settledAt: [5], since: 5 });
  });

  it.each([HOUR, -HOUR])('begin when the system clock was set by %i ms while no farmer was running', (byMs) => {
    run([0, 1]);
    dir.clock.wallOffsetMs = byMs;
    run([2]);
    expect(read(3)).toEqual({ settledAt: [2], since: 2 });
  });

  it.each([HOUR, -HOUR])('begin when the system clock was set by %i ms while the farmer was running', (byMs) => {
    const store = openAt(0);
    const node = claimNode(store);
    node.insert(contract(1));
    node.update(contract(1), outcome('passed', 1, { ...entry(1), settledAt: T0 }));
    dir.clock.wallOffsetMs = byMs;
    setTime(1);
    store.beat();
    dir.close();
    run([2]);
    expect(read(3)).toEqual({ settledAt: [2], since: 1 });
  });

  it('continue after a start of the machine, whose clock shows the downtime, unless it shows an earlier time', () => {
    run([0, 1]);
    dir.clock.bootId = 'second boot';
    dir.clock.wallOffsetMs = HOUR;
    expect(read(2)).toEqual({ settledAt: [-60, -59], since: -60 });
    dir.close();
    dir.clock.bootId = 'third boot';
    dir.clock.wallOffsetMs = 0;
    expect(read(3)).toEqual({ settledAt: [], since: 3 });
  });

  it('begin when the state could be written again', () => {
    const store = openAt(0);
    claimNode(store).insert(contract(1));
    const path = dir.join('state.db');
    writeFileSync(dir.join('downstream.json'), '{}');
    dir.close();
    const edit = (sql: string) => {
      using db = new DatabaseSync(path);
      db.exec(sql);
    };
    edit("CREATE TRIGGER full BEFORE INSERT ON heartbeat BEGIN SELECT RAISE(FAIL, 'no space'); END");
    openAt(1);
    dir.close();
    edit('DROP TRIGGER full; UPDATE heartbeat SET at_file = at_file - 10');
    const restarted = openAt(2);
    expect(restarted.foundGap).toMatchObject({ reason: 'files_changed', contracts: 1 });
    expect(claimNode(restarted).contracts()).toMatchObject([{ isUnknown: true }]);
    dir.close();
    expect(read(3)).toEqual({ settledAt: [], since: 2 });
  });

  it('contain the last result of each contract', () => {
    const node = claimNode(dir.open());
    node.insert(contract(1));
    node.update(contract(1), outcome('passed', 1));
    node.update(contract(1), outcome('missed', 1));
    expect(claimNode(dir.restart()).contracts()).toMatchObject([{ last: 'missed' }]);
    dir.clock = new FakeClock(T0);
  });
});
