import { packageVersion } from '@downstream/platform';

/** This package's version. */
export const VERSION = packageVersion(new URL('../package.json', import.meta.url));
