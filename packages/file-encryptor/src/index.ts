export { DEFAULT_PASSPHRASE, decryptInline, deriveConvergentKey, encrypt, encryptInline } from './convergent.ts';
export { BLOCK_BYTES } from './keystream.ts';
export { randomio } from './randomio.ts';
