import { createHash } from 'node:crypto';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { randomio } from '@downstream/file-encryptor';

/** A genesis file much smaller than the standard one, so that many contracts cost little. */
export interface SmallGenesis {
  readonly path: string;
  readonly sha256: string;
  readonly content: Buffer;
}

export function writeSmallGenesis(folder: string, bytes: number): SmallGenesis {
  const content = Buffer.concat([...randomio('bench', bytes)]);
  const path = join(folder, 'small-genesis');
  writeFileSync(path, content);
  return { path, sha256: createHash('sha256').update(content).digest('hex'), content };
}
