export { MockNodeContainer } from './mock-node-container.ts';
export { MockNodeError, type MockNodeErrorCode } from './mock-node-error.ts';
export { StartedMockNodeContainer } from './started-mock-node-container.ts';
