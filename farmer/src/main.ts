import './thread-pool-size.ts';
import { handleSignals } from '@downstream/platform/signals';

const stop = handleSignals();

// Loading the rest takes long enough for a signal to arrive.
const { exit, ignoreOutputErrors } = await import('@downstream/platform');
const { runCommand } = await import('./cli/command.ts');

ignoreOutputErrors();

const output = {
  out: (text: string) => process.stdout.write(text),
  err: (text: string) => process.stderr.write(text),
};
exit(await runCommand(process.argv.slice(2), output, stop));
