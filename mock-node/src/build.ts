import { readBuild } from '@downstream/platform';

/** What identifies this build of the mock node. */
export const BUILD = readBuild(new URL('../package.json', import.meta.url));
