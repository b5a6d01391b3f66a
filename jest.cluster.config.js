import base from './jest.config.js';

/**
 * Cluster tier (`*.cluster.test.ts`): farms in the Kubernetes cluster that CLUSTER_CONTEXT names. Not part of
 * `test:all`: CONTRIBUTING says when to run it.
 */
export default {
  ...base,
  testMatch: ['<rootDir>/kubernetes/test/cluster/**/*.cluster.test.ts'],
  testPathIgnorePatterns: ['/node_modules/'],
  globalSetup: '<rootDir>/kubernetes/test/cluster/images.ts',
  testTimeout: 300_000,
  // Tests mostly wait.
  maxWorkers: 3,
};
