import './thread-pool-size.ts';
import { handleSignals } from '@downstream/platform/signals';

const stop = handleSignals();

// Loading the rest takes long enough for a signal to arrive.
const { exit, ProcessOutput } = await import('@downstream/platform');
const { runCommand } = await import('./cli/command.ts');

const output = new ProcessOutput();
const code = await runCommand(
  process.argv.slice(2),
  { out: (text) => process.stdout.write(text), err: (text) => process.stderr.write(text), output },
  stop,
);
await output.flush();
exit(code);
