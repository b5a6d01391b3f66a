/** What tells this run's images and leftovers from those of another on the same engine; run.ts sets it. */
const run = process.env['INTEGRATION_RUN'] ?? 'alone';

/** The label of every container and volume that this run makes. */
export const LABEL = { 'downstream.integration': run };

/** The same for the docker command: as a filter, and as options of what it makes. */
export const LABEL_FILTER = `label=downstream.integration=${run}`;
export const LABEL_OPTIONS = ['--label', `downstream.integration=${run}`];

/** What the names of this run's networks begin with: testcontainers labels them in its own way only. */
export const NETWORK_PREFIX = `downstream-integration-${run}-`;

export const BASE_IMAGE = process.env['NODE_IMAGE'] ?? 'node:26-bookworm-slim';

/** Both images, by the Dockerfile's target. */
export const IMAGES = {
  farmer: `downstream-farmer:integration-${run}`,
  'mock-node': `downstream-mock-node:integration-${run}`,
} as const;
