import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';

/** @returns a sentence for each contract without a tag, and for each tag without a contract, in either file */
export function findTagViolations(folder: string, contracts: ReadonlySet<string>): string[] {
  return ['tags.db', 'tags.replica.db'].flatMap((name) => {
    const tags = listTags(join(folder, name));
    return [
      ...[...contracts.difference(tags)].map((id) => `lost: the tag of contract ${id} is missing from ${name}`),
      ...[...tags.difference(contracts)].map((id) => `left over: ${name} has the tag of ${id}, which is no contract`),
    ];
  });
}

function listTags(path: string): Set<string> {
  using db = new DatabaseSync(path, { readOnly: true });
  const rows = db.prepare('SELECT contract_id FROM tag').all();
  return new Set(rows.map((row) => String(row['contract_id'])));
}
