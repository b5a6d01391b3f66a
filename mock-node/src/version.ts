import { readPackageVersion } from '@downstream/platform';

/** This package's version. */
export const VERSION = readPackageVersion(new URL('../package.json', import.meta.url));
