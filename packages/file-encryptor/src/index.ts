export { deriveConvergentKey, encrypt } from './convergent.ts';
export { BLOCK_BYTES } from './keystream.ts';
export { randomio } from './randomio.ts';
