/** Whole runs of the real images. Started by run.ts, which looks for an engine first and tidies up last. */
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
  // As they are, without a build.
  moduleNameMapper: {
    '^@downstream/(control-api|testcontainers)$': '<rootDir>/../packages/$1/src/index.ts',
  },
  // Containers do the work, and their farms keep to deadlines: more at once would only make them late.
  maxWorkers: 2,
  testTimeout: 180_000,
};
