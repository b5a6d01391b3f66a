/** Unit tier (`*.test.ts`): fakes and loopback only, no build, no other programs. */
export default {
  rootDir: import.meta.dirname,
  testMatch: [
    '<rootDir>/packages/*/test/**/*.test.ts',
    '<rootDir>/{farmer,mock-node,grafana,prometheus,kubernetes,bench,interop,soak,test}/**/*.test.ts',
  ],
  testPathIgnorePatterns: ['/node_modules/', '/dist/', '\\.(system|cluster)\\.test\\.ts$'],
  extensionsToTreatAsEsm: ['.ts'],
  transform: {
    '\\.ts$': [
      '@swc/jest',
      {
        jsc: {
          parser: { syntax: 'typescript' },
          target: 'es2024',
          experimental: { keepImportAttributes: true },
        },
        module: { type: 'es6' },
        sourceMaps: 'inline',
      },
    ],
  },
  moduleNameMapper: {
    '^@downstream/(platform|heartbeat|file-encryptor|protocol|control-api|testcontainers)$':
      '<rootDir>/packages/$1/src/index.ts',
    '^@downstream/platform/(errors|flush|health-check|signals|sqlite|testing)$':
      '<rootDir>/packages/platform/src/$1.ts',
    '^@downstream/platform/web$': '<rootDir>/packages/platform/src/web/index.ts',
    '^@downstream/(farmer|mock-node)$': '<rootDir>/$1/src/index.ts',
  },
  setupFiles: ['<rootDir>/test/support/node-flags.ts'],
  testTimeout: 30_000,
  collectCoverageFrom: ['<rootDir>/packages/*/src/**/*.ts', '<rootDir>/{farmer,mock-node}/src/**/*.ts'],
  // The HTML report takes longer than the tests: add it with --coverageReporters=html.
  coverageReporters: ['text-summary'],
  // The floor of `npm run test:coverage`; the system tier enforces it.
  coverageThreshold: { global: { statements: 86, branches: 80, functions: 83, lines: 87 } },
  // Jest's default, one worker per core but one, leaves half of a two-core machine idle.
  maxWorkers: 2,
};
