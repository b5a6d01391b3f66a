import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import {
  DISK_STATES,
  type DiskEvent,
  type DiskEventType,
  type DiskState,
  type DiskStateKind,
  isReadmissible,
  quarantine,
  transition,
} from '../../src/chunks/disk-state.ts';

/** The state after each event, without alternatives for the disk. Does not compile if a cell is missing. */
const NEXT: Record<DiskStateKind, Record<DiskEventType, DiskStateKind>> = {
  ok: {
    space_exhausted: 'full',
    write_rejected: 'read_only',
    gone: 'quarantined',
    unreliable: 'ok',
    probed: 'ok',
    replaced: 'ok',
    readmitted: 'ok',
  },
  full: {
    space_exhausted: 'full',
    write_rejected: 'read_only',
    gone: 'quarantined',
    unreliable: 'full',
    probed: 'ok',
    replaced: 'full',
    readmitted: 'full',
  },
  read_only: {
    space_exhausted: 'full',
    write_rejected: 'read_only',
    gone: 'quarantined',
    unreliable: 'read_only',
    probed: 'ok',
    replaced: 'read_only',
    readmitted: 'read_only',
  },
  quarantined: {
    space_exhausted: 'quarantined',
    write_rejected: 'quarantined',
    gone: 'quarantined',
    unreliable: 'quarantined',
    probed: 'quarantined',
    replaced: 'quarantined',
    readmitted: 'ok',
  },
};
const STATES: Record<DiskStateKind, DiskState> = {
  ok: { kind: 'ok' },
  full: { kind: 'full', code: 'ENOSPC' },
  read_only: { kind: 'read_only', reason: 'EROFS' },
  quarantined: quarantine('EIO'),
};
const EVENTS: Record<DiskEventType, DiskEvent> = {
  space_exhausted: { type: 'space_exhausted', code: 'ENOSPC' },
  write_rejected: { type: 'write_rejected', reason: 'EROFS', isReplaceable: false },
  gone: { type: 'gone', reason: 'ENODEV' },
  unreliable: { type: 'unreliable', reason: 'too slow', hasAlternative: false },
  probed: { type: 'probed', usableAs: { kind: 'ok' } },
  replaced: { type: 'replaced' },
  readmitted: { type: 'readmitted', usableAs: { kind: 'ok' } },
};
const CELLS = DISK_STATES.flatMap((kind) => Object.values(EVENTS).map((event) => ({ kind, event, type: event.type })));
const passedProbe: DiskEvent = { type: 'probed', usableAs: { kind: 'full', code: 'ENOSPC' } };
const failedProbe: DiskEvent = { type: 'probed', usableAs: undefined };
const apply = (state: DiskState, ...events: DiskEvent[]) => events.reduce(transition, state);

describe('transition', () => {
  it.each(CELLS)('moves from $kind to the state in the table on $type', ({ kind, event }) => {
    expect(transition(STATES[kind], event).kind).toBe(NEXT[kind][event.type]);
  });

  it.each(['ok', 'full', 'read_only'] as const)('quarantines a disk that is %s if others can replace it', (kind) => {
    const event: DiskEvent = { type: 'write_rejected', reason: 'EROFS', isReplaceable: true };
    expect(transition(STATES[kind], event)).toEqual(quarantine('EROFS'));
  });

  it.each(['ok', 'full', 'read_only'] as const)(
    'quarantines an unreliable disk that is %s if there is another',
    (kind) => {
      const event: DiskEvent = { type: 'unreliable', reason: 'too slow', hasAlternative: true };
      expect(transition(STATES[kind], event)).toEqual(quarantine('too slow'));
    },
  );

  it('keeps a read-only disk read-only after a probe that could not write either', () => {
    const event: DiskEvent = { type: 'probed', usableAs: { kind: 'read_only', reason: 'EROFS' } };
    expect(transition(STATES.read_only, event)).toBe(STATES.read_only);
  });

  it('keeps the reason of a quarantine when other errors follow', () => {
    expect(apply(quarantine('EIO'), EVENTS.gone, EVENTS.unreliable, passedProbe)).toMatchObject({ reason: 'EIO' });
  });

  it('names the reason of the last failed probe, since the cause of a quarantine can change', () => {
    const blank: DiskEvent = { type: 'probed', usableAs: undefined, reason: 'not mounted, or a new disk' };
    expect(apply(quarantine('EIO'), blank, failedProbe)).toEqual(quarantine('not mounted, or a new disk'));
  });

  it('makes a replaced disk readmissible after one passed probe', () => {
    expect(isReadmissible(apply(quarantine('EIO'), EVENTS.replaced))).toBe(false);
    expect(isReadmissible(apply(quarantine('EIO'), EVENTS.replaced, passedProbe))).toBe(true);
  });

  it('makes a disk readmissible after three passed probes in a row', () => {
    expect(isReadmissible(apply(quarantine('EIO'), passedProbe, passedProbe, failedProbe, passedProbe))).toBe(false);
    expect(isReadmissible(apply(quarantine('EIO'), passedProbe, passedProbe, passedProbe))).toBe(true);
  });

  it('readmits a disk in the state that the last probe found', () => {
    const usableAs = { kind: 'read_only', reason: 'EROFS' } as const;
    expect(transition(STATES.quarantined, { type: 'readmitted', usableAs })).toBe(usableAs);
  });

  it('leaves quarantine only by readmission, for any sequence of events', () => {
    const events = fc.array(fc.constantFrom(...Object.values(EVENTS).filter(({ type }) => type !== 'readmitted')));
    fc.assert(
      fc.property(events, (sequence) => {
        expect(apply(quarantine('EIO'), ...sequence).kind).toBe('quarantined');
      }),
    );
  });
});
