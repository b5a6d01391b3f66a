export { convergentKey, DEFAULT_PASSPHRASE, decryptInline, encrypt, encryptInline } from './convergent.ts';
export { BLOCK_BYTES } from './keystream.ts';
export { randomio } from './randomio.ts';
