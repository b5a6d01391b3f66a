import { readPackageVersion } from '@downstream/platform';

export const VERSION = readPackageVersion(new URL('../package.json', import.meta.url));
