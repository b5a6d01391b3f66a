/**
 * Runs before each test file. Node.js computes this property when it is first read, which takes a millisecond. Jest's
 * copy of `process` would compute it at every read, which is every request of axios.
 */
Object.defineProperty(process, 'allowedNodeEnvironmentFlags', { value: process.allowedNodeEnvironmentFlags });
