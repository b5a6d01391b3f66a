/** Container tier. Started by run.ts, which checks for a Docker engine first and cleans up last. */
export default {
  rootDir: import.meta.dirname,
  testMatch: ['<rootDir>/test/**/*.test.ts'],
  globalSetup: '<rootDir>/src/build-images.ts',
  extensionsToTreatAsEsm: ['.ts'],
  transform: {
    '\\.ts$': [
      '@swc/jest',
      {
        jsc: { parser: { syntax: 'typescript' }, target: 'es2024' },
        module: { type: 'es6' },
        sourceMaps: 'inline',
      },
    ],
  },
  moduleNameMapper: {
    '^@downstream/(control-api|testcontainers)$': '<rootDir>/../packages/$1/src/index.ts',
  },
  // Farms mostly wait. More at a time would miss deadlines on two cores.
  maxWorkers: 3,
  testTimeout: 180_000,
};
