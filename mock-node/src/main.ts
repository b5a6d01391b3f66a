import { handleSignals } from '@downstream/platform/signals';

const stop = handleSignals();

// Loading the rest takes long enough for a signal to arrive.
const { exit, ignoreOutputErrors } = await import('@downstream/platform');
const { runCommand } = await import('./command.ts');

ignoreOutputErrors();

exit(await runCommand(process.argv.slice(2), stop));
