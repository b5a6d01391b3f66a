/** Writes go only to a disk that is `ok`; chunks are read in every state but `quarantined`. */
export type DiskState =
  | { readonly kind: 'ok' }
  /** A write failed for lack of space or inodes, or because of a quota. `code` is `ENOSPC` or `EDQUOT`. */
  | { readonly kind: 'full'; readonly code: string }
  /** Writes fail, but not for lack of space. `reason` is an error code such as `EROFS`. */
  | { readonly kind: 'read_only'; readonly reason: string }
  /**
   * Nothing is read or written except by probes. `reason` is why it was quarantined, or why a later probe failed.
   * `passedProbes` counts the latest consecutive successes.
   */
  | { readonly kind: 'quarantined'; readonly reason: string; readonly passedProbes: number };
export type DiskStateKind = DiskState['kind'];
export const DISK_STATES = ['ok', 'full', 'read_only', 'quarantined'] as const satisfies readonly DiskStateKind[];
type StateOf<K extends DiskStateKind> = Extract<DiskState, { kind: K }>;
export type UsableState = StateOf<'ok' | 'full' | 'read_only'>;

export type DiskEvent =
  /** A write failed because the file system is out of space or inodes, or a quota is used up. */
  | { readonly type: 'space_exhausted'; readonly code: string }
  /** Writes fail for another reason. `isReplaceable`: the other disks have space for all chunks of this one. */
  | { readonly type: 'write_rejected'; readonly reason: string; readonly isReplaceable: boolean }
  /** The disk is not mounted, is another disk, or does not respond at all. */
  | { readonly type: 'gone'; readonly reason: string }
  /** Too many different chunks failed, or too many operations in a row were slow. */
  | { readonly type: 'unreliable'; readonly reason: string; readonly hasAlternative: boolean }
  /**
   * A probe completed. `usableAs` is undefined if the disk is not fit for use, and `ok` only if as much as a chunk was
   * written: figures of free space say nothing about quotas.
   */
  | {
      readonly type: 'probed';
      readonly usableAs: UsableState | undefined;
      /** Why the probe failed, if it did. */
      readonly reason?: string | undefined;
    }
  /** The operator replaced a quarantined disk: the failures of the old one say nothing about it. */
  | { readonly type: 'replaced' }
  /** The chunks on a quarantined disk were listed successfully. */
  | { readonly type: 'readmitted'; readonly usableAs: UsableState };
export type DiskEventType = DiskEvent['type'];
type EventOf<T extends DiskEventType> = Extract<DiskEvent, { type: T }>;

type Transitions<K extends DiskStateKind> = {
  readonly [T in DiskEventType]: (state: StateOf<K>, event: EventOf<T>) => DiskState;
};

/** A quarantined disk is used again after this many consecutive successful probes. */
const PROBES_TO_READMIT = 3;

const unchanged = (state: DiskState): DiskState => state;
const toFull = (_: DiskState, { code }: EventOf<'space_exhausted'>): DiskState => ({ kind: 'full', code });
const toOkIfWritable = (state: DiskState, { usableAs }: EventOf<'probed'>): DiskState =>
  usableAs?.kind === 'ok' ? usableAs : state;
const toQuarantine = (_: DiskState, { reason }: EventOf<'gone'>): DiskState => quarantine(reason);

/** A disk that can still be read is quarantined only if the other disks have space for all its chunks. */
const toReadOnly = (_: DiskState, { reason, isReplaceable }: EventOf<'write_rejected'>): DiskState =>
  isReplaceable ? quarantine(reason) : { kind: 'read_only', reason };

/** An unreliable disk stays in use if there is no other. */
const toQuarantineIfAlternative = (state: DiskState, { reason, hasAlternative }: EventOf<'unreliable'>): DiskState =>
  hasAlternative ? quarantine(reason) : state;

/** Every state and event. */
const TRANSITIONS: { readonly [K in DiskStateKind]: Transitions<K> } = {
  ok: {
    space_exhausted: toFull,
    write_rejected: toReadOnly,
    gone: toQuarantine,
    unreliable: toQuarantineIfAlternative,
    probed: unchanged,
    replaced: unchanged,
    readmitted: unchanged,
  },
  full: {
    space_exhausted: unchanged,
    write_rejected: toReadOnly,
    gone: toQuarantine,
    unreliable: toQuarantineIfAlternative,
    probed: toOkIfWritable,
    replaced: unchanged,
    readmitted: unchanged,
  },
  read_only: {
    space_exhausted: toFull,
    write_rejected: toReadOnly,
    gone: toQuarantine,
    unreliable: toQuarantineIfAlternative,
    probed: toOkIfWritable,
    replaced: unchanged,
    readmitted: unchanged,
  },
  quarantined: {
    space_exhausted: unchanged,
    write_rejected: unchanged,
    gone: unchanged,
    unreliable: unchanged,
    probed: (state, { usableAs, reason = state.reason }) =>
      usableAs === undefined ? quarantine(reason) : { ...state, passedProbes: state.passedProbes + 1 },
    // The next successful probe is enough.
    replaced: () => ({ ...quarantine('replaced'), passedProbes: PROBES_TO_READMIT - 1 }),
    readmitted: (_, { usableAs }) => usableAs,
  },
};

/** The state of a disk after an event. Pure: the same arguments give the same result. */
export function transition(state: DiskState, event: DiskEvent): DiskState {
  return next(state.kind, event.type, state, event);
}

function next<K extends DiskStateKind, T extends DiskEventType>(
  kind: K,
  type: T,
  state: StateOf<K>,
  event: EventOf<T>,
): DiskState {
  const transitions: Transitions<K> = TRANSITIONS[kind];
  return transitions[type](state, event);
}

export function quarantine(reason: string): StateOf<'quarantined'> {
  return { kind: 'quarantined', reason, passedProbes: 0 };
}

/** Whether a quarantined disk passed enough probes for its chunks to be listed and used again. */
export function isReadmissible(state: DiskState): boolean {
  return state.kind === 'quarantined' && state.passedProbes >= PROBES_TO_READMIT;
}
