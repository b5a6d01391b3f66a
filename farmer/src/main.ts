import './thread-pool-size.ts';
import { exit, ignoreOutputErrors } from '@downstream/platform';
import { runCommand } from './cli/command.ts';

ignoreOutputErrors();

await exit(
  await runCommand(process.argv.slice(2), {
    out: (text) => process.stdout.write(text),
    err: (text) => process.stderr.write(text),
  }),
);
