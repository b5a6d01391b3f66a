export { DEFAULT_PASSPHRASE, decryptInline, deriveConvergentKey, encrypt, encryptInline } from './convergent.ts';
export { BLOCK_BYTES } from './keystream.ts';
export { isRandomio, randomio } from './randomio.ts';
