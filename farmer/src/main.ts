import './file-threads.ts';
import { exit, outliveOutput } from '@downstream/platform';
import { command } from './cli/command.ts';

outliveOutput();

await exit(
  await command(process.argv.slice(2), {
    out: (text) => process.stdout.write(text),
    err: (text) => process.stderr.write(text),
  }),
);
