export { type MockNode, startMockNode } from './app.ts';
