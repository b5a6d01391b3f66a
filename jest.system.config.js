import base from './jest.config.js';

/**
 * System tier (`*.system.test.ts`): real farms, child processes, Chromium, Prometheus, kubectl. The scripts `system:…`
 * run farms, which must meet deadlines, apart from the tests that need all of the CPU.
 */
export default {
  ...base,
  testMatch: base.testMatch.map((pattern) => pattern.replace('*.test.ts', '*.system.test.ts')),
  testPathIgnorePatterns: ['/node_modules/', '/dist/'],
  testTimeout: 60_000,
  // The rows of the fault matrix mostly wait.
  maxConcurrency: 16,
};
