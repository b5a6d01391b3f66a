import base from './jest.config.js';

/** The farmer × fault matrix: whole farms that keep to deadlines, so nothing else runs beside them. */
export default {
  ...base,
  testMatch: ['<rootDir>/test/*.matrix.ts'], // Its farms mostly wait.
  maxConcurrency: 16,
  maxWorkers: 1,
};
