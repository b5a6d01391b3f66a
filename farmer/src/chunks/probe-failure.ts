import { getErrorCode, TimeoutError } from '@downstream/platform';
import { classifyDiskError, type DiskErrorClass } from './disk-errors.ts';
import { DataDirError } from './disk-marker.ts';
import { ProbeError } from './folder-probe.ts';

/** Why a disk did not pass a probe. */
export interface ProbeFailure {
  /** `unsupported`: the file system does not do what storing a chunk needs. `gone` covers all other causes. */
  readonly kind: DiskErrorClass | 'unsupported' | 'timeout';
  /** For people: an error code such as `EIO`, or the operation that failed. */
  readonly reason: string;
}

export function toProbeFailure(error: unknown): ProbeFailure {
  if (error instanceof TimeoutError) return { kind: 'timeout', reason: 'timeout' };
  const code = getErrorCode(error) ?? 'unknown';
  const kind = classifyDiskError(code);
  if (kind !== undefined) return { kind, reason: code };
  if (error instanceof ProbeError) return { kind: 'unsupported', reason: error.message };
  return { kind: 'gone', reason: error instanceof DataDirError ? error.message : code };
}

/** Whether a disk whose probe failed may still be readable. */
export function mayBeReadable({ kind }: ProbeFailure): boolean {
  return kind === 'read_only' || kind === 'denied' || kind === 'io' || kind === 'unsupported';
}
