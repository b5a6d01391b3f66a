/** The condition of the farmer that the page shows first. */
export interface OverallStatus {
  readonly label:
    | 'Healthy'
    | 'Recovering'
    | 'Degraded'
    | 'Failing'
    | 'Stalled'
    | 'Token rejected'
    | 'Node unreachable'
    | 'Node errors'
    | 'Some nodes unreachable'
    | 'Exiting'
    | 'Exited'
    | 'Disk degraded'
    | 'Disk read-only'
    | 'State not saved'
    | 'Waiting for token'
    | 'Starting'
    | 'No contracts';
  /** `warning`: look into it. `critical`: challenges fail or contracts may be lost. */
  readonly severity: 'ok' | 'info' | 'warning' | 'critical';
  /** What happened and what to do. */
  readonly explanation: string;
}
