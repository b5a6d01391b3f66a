import { select } from '../promql.ts';

/** Farmers may use the same names for disks and nodes. */
export const DISK = '{{namespace}} {{instance}} {{disk}}';
export const NODE = '{{namespace}} {{instance}} {{node}}';

/** Minimum step of pass rates and quantiles: challenges may be an hour apart, so shorter steps are mostly empty. */
export const RARE = '2m';

export const SLACK_BUCKETS = 'farmer_challenge_slack_seconds_bucket';
export const INTERVAL = `${select('farmer_challenge_interval_seconds')} > 0`;
export const CAPACITY_ESTIMATE = select('farmer_capacity_estimate_contracts');
export const DISK_FREE = select('farmer_disk_free_bytes');
export const DISK_USED = select('farmer_disk_used_bytes');
export const DISK_CAPACITY = select('farmer_disk_capacity_bytes');
/** Free space of each disk once its capacity is used. Only files of other programs change it. */
export const DISK_SPARE = `(${DISK_FREE} - (${DISK_CAPACITY} - ${DISK_USED}))`;
