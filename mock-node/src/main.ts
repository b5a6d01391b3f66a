import { handleSignals } from '@downstream/platform/signals';

const stop = handleSignals();

// Loading the rest takes long enough for a signal to arrive.
const { exit, ProcessOutput } = await import('@downstream/platform');
const { runCommand } = await import('./command.ts');

const output = new ProcessOutput();
const code = await runCommand(process.argv.slice(2), { output, stop });
await output.flush();
exit(code);
