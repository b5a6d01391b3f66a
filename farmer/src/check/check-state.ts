import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { z } from 'zod';
import { assertStateExists, assertStateIsFirst } from '../chunks/data-dir.ts';
import type { FarmerConfig } from '../config.ts';
import { planClaim } from '../state/claim.ts';
import { readRegistry } from '../state/registry.ts';
import { STATE_SCHEMA } from '../state/schema.ts';
import { openReadOnly } from '../state/sqlite.ts';
import { STATE_FILE } from '../state/state-files.ts';
import { type Finding, findingsOf } from './finding.ts';

const heldRow = z.object({ node_id: z.number(), contracts: z.number() });

/**
 * Checks that the state of a farmer that is not running belongs to its settings.
 *
 * @returns also the id of its farm, if there is a state
 * @throws DataDirError, StateError
 */
export async function checkState(
  config: Pick<FarmerConfig, 'dataDir' | 'disks' | 'address' | 'nodes' | 'nodeMoved'>,
): Promise<{ readonly finding: Finding; readonly farmId?: string | undefined }> {
  const { ok } = findingsOf('state');
  await assertStateIsFirst(config.disks.map(({ path }) => path));
  await assertStateExists(config.dataDir);
  const path = join(config.dataDir, STATE_FILE);
  if (!existsSync(path)) return { finding: ok('there is no state.db yet: the farmer creates or restores it') };
  const db = openReadOnly(path, STATE_SCHEMA, { immutable: !existsSync(`${path}-wal`) });
  try {
    const registry = readRegistry(db);
    const rows = db.prepare('SELECT node_id, count(*) AS contracts FROM contract GROUP BY node_id').all();
    const held = z.array(heldRow).parse(rows);
    planClaim(registry, new Map(held.map(({ node_id, contracts }) => [node_id, contracts])), config, config);
    const total = held.reduce((sum, { contracts }) => sum + contracts, 0);
    return { finding: ok(`${path} has ${total} contracts and belongs to these settings`), farmId: registry.farm?.id };
  } finally {
    db.close();
  }
}
