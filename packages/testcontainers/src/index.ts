export { MockNodeContainer, StartedMockNodeContainer } from './mock-node-container.ts';
