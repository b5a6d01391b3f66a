import { formatBytes } from '@downstream/platform';
import type { CommandConfig } from '../config.ts';
import { type ReplacementReport, replacementReport } from '../control/reports.ts';
import { confirm } from './confirm.ts';
import { EXIT } from './exit-codes.ts';
import { type Print, requireFarmer } from './running-farmer.ts';

export interface ReplaceDiskOptions {
  /** Accepts a directory that is on the same file system as `/` or another data directory. */
  readonly sameFileSystem: boolean;
  /** Skips the confirmation. */
  readonly yes: boolean;
}

/** `downstream disk replace`: uses a new disk in the directory of a dead one. @returns 1 if it cannot be used yet */
export async function replaceDisk(
  config: CommandConfig,
  path: string,
  { sameFileSystem, yes, print }: ReplaceDiskOptions & { readonly print: Print },
): Promise<number> {
  const client = requireFarmer(config, 'downstream disk replace');
  const send = async (dryRun: boolean) =>
    await client.ask('POST', '/disks/replace', replacementReport, {
      path,
      allowSharedFileSystem: sameFileSystem,
      dryRun,
    });
  const found = await send(true);
  print(describeFileSystem(found));
  if (!yes && !(await confirm('disk replace', 'Is this the new disk? The chunks of the old one are rebuilt.'))) {
    print('not confirmed: nothing was changed');
    return EXIT.ERROR;
  }
  const { state, reason, rebuilding } = await send(false);
  if (state === 'quarantined') {
    // Operations that hang on the old disk still block the new one.
    const help = reason === 'timeout' ? '; if the old disk did not respond, restart the farmer' : '';
    print(`${path} was assigned to the new disk, but it cannot be used yet: ${reason}${help}`);
    return EXIT.FINDING;
  }
  print(`${path} is in use; chunks to be rebuilt: ${rebuilding}`);
  return EXIT.OK;
}

function describeFileSystem({ path, mountPoint, sizeBytes, freeBytes }: ReplacementReport): string {
  return `${path} is on the file system mounted at ${mountPoint}: ${formatBytes(sizeBytes)}, ${formatBytes(freeBytes)} free`;
}
