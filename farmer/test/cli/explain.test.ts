import { describe, expect, it } from '@jest/globals';
import { explain } from '../../src/cli/explain.ts';
import { terms } from '../fakes/builders.ts';
import { claimNode, contract, StateDir } from '../fakes/state-dir.ts';

const dir = new StateDir();
const ids = ['abc1', 'abc2', 'abc3', 'abc4', 'abc5', 'abc6', 'fff0'].map((end) => `77d2${end}${'0'.repeat(56)}`);

function insertContracts(count: number) {
  const node = claimNode(dir.open());
  ids.slice(-count).forEach((id, at) => void node.insert({ ...contract(at), terms: terms({ id }) }));
  dir.close();
}

async function explainId(id: string) {
  const lines: string[] = [];
  const code = await explain({ dataDir: dir.path }, { id, last: 5, json: false }, (line) => lines.push(line));
  return { code, lines };
}

describe('downstream explain', () => {
  it('finds a contract by its id or the start of it, in any case', async () => {
    insertContracts(2);
    for (const id of ['77d2fff0', '77D2FFF0', ids[6] ?? '']) {
      expect(await explainId(id)).toEqual({ code: 0, lines: [`contract ${ids[6]}`, '  no challenges in the journal'] });
    }
  });

  it('reports that no contract has such an id', async () => {
    insertContracts(1);
    expect(await explainId('abcdef')).toEqual({
      code: 1,
      lines: ['no contract starts with abcdef: neither a running one, nor one in the journal'],
    });
  });

  it('lists the contracts if several have such an id', async () => {
    insertContracts(3);
    expect(await explainId('77d2ab')).toEqual({
      code: 1,
      lines: [`several contracts start with 77d2ab: ${ids[4]}, ${ids[5]}`],
    });
  });

  it('lists at most five of them', async () => {
    insertContracts(7);
    const { lines } = await explainId('77d2ab');
    expect(lines).toEqual([`several contracts start with 77d2ab: ${ids.slice(0, 5).join(', ')} and others`]);
  });

  it('rejects invalid ids', async () => {
    insertContracts(1);
    for (const id of ['77d2', 'xyzxyz', `${ids[0]}0`]) {
      await expect(explainId(id)).rejects.toMatchObject({ code: 'invalid_id', message: expect.stringContaining(id) });
    }
  });
});
