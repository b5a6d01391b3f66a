/** Distinguishes the images and leftovers of concurrent runs on one engine; run.ts sets it. */
const run = process.env['INTEGRATION_RUN'] ?? 'alone';

/** The label of every container and volume of this run. */
export const LABEL = { 'downstream.integration': run };

/** The label as a filter and as options of the docker command. */
export const LABEL_FILTER = `label=downstream.integration=${run}`;
export const LABEL_OPTIONS = ['--label', `downstream.integration=${run}`];

/** Prefix of the names of this run's networks, because testcontainers does not label networks. */
export const NETWORK_PREFIX = `downstream-integration-${run}-`;

/** The commit with which the images are built. */
export const REVISION = '0123456789abcdef0123456789abcdef01234567';

/** Both images, by the target in the Dockerfile. */
export const IMAGES = {
  farmer: `downstream-farmer:integration-${run}`,
  'mock-node': `downstream-mock-node:integration-${run}`,
} as const;
