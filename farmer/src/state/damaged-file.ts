import { existsSync, readdirSync, renameSync, rmSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';

const MAX_DAMAGED_FILES = 3;
/** What {@link moveAside} appends to a name. Other names are not the farmer's. */
const DAMAGED_FILE = /^\.damaged-[\d-]+T[\d-]+Z$/;

/** Renames a damaged file for later analysis. Keeps the latest ones only. */
export function moveAside(path: string): void {
  const folder = dirname(path);
  const name = basename(path);
  const target = join(folder, `${name}.damaged-${new Date().toISOString().replace(/[:.]/g, '-')}`);
  for (const suffix of ['', '-wal']) if (existsSync(path + suffix)) renameSync(path + suffix, target + suffix);
  rmSync(`${path}-shm`, { force: true });
  const others = readdirSync(folder).filter(
    (other) => other.startsWith(name) && DAMAGED_FILE.test(other.slice(name.length)) && other !== basename(target),
  );
  for (const old of others.sort().slice(0, 1 - MAX_DAMAGED_FILES))
    for (const suffix of ['', '-wal']) rmSync(join(folder, old + suffix), { force: true });
}
