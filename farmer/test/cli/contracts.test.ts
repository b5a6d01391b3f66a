import { beforeEach, describe, expect, it } from '@jest/globals';
import { type ContractsOptions, contracts } from '../../src/cli/contracts.ts';
import type { ContractRow } from '../../src/control/contract-row.ts';
import { toJsonLines } from '../../src/control/json-lines.ts';
import { makeId } from '../fakes/builders.ts';
import { FakeControl, FakeOutput } from '../fakes/fake-control.ts';

const control = new FakeControl();
let output: FakeOutput;
beforeEach(() => {
  output = new FakeOutput();
});

const row = (n: number, changes: Partial<ContractRow> = {}): ContractRow => ({
  contract: makeId(n),
  reference: makeId(n),
  node: 'main',
  disk: '/a',
  sizeBytes: 32 * 1024 ** 2,
  phase: 'waiting',
  lastResult: 'passed',
  dueAt: new Date(Date.UTC(2030, 0, 1, 0, 0, n)).toISOString(),
  ...changes,
});
const ROWS = [
  row(3),
  row(1, { node: 'other', phase: 'proving', lastResult: 'late' }),
  row(2, { disk: null, phase: 'generating', lastResult: null }),
  row(4, { disk: '/b', sizeBytes: 32_768, lastResult: 'missed' }),
];

async function list(options: Partial<ContractsOptions> = {}, rows: Iterable<ContractRow> = ROWS): Promise<number> {
  await control.open({ listContracts: () => ({ nodes: ['main', 'other'], disks: ['/a', '/b'], rows }) });
  return await contracts(control.config, { sort: 'deadline', ...options }, output.write);
}
/** The numbers of the listed contracts. */
const listed = () => JSON.parse(output.text).map(({ contract }: ContractRow) => Number.parseInt(contract, 16));

describe('contracts', () => {
  it('prints id, node, disk, size, phase, last result and deadline, by deadline', async () => {
    expect(await list()).toBe(0);
    expect(Buffer.from(output.text, 'latin1').toString()).toBe(
      `contract      node   disk  size    phase       last result  deadline (UTC)
000000000000  other  /a    32 MiB  proving     late         2030-01-01T00:00:01Z
000000000000  main   –     32 MiB  generating  –            2030-01-01T00:00:02Z
000000000000  main   /a    32 MiB  waiting     passed       2030-01-01T00:00:03Z
000000000000  main   /b    32 KiB  waiting     missed       2030-01-01T00:00:04Z
4 of 4 contracts
`,
    );
  });

  it.each<[Partial<ContractsOptions>, number[]]>([
    [{}, [1, 2, 3, 4]],
    [{ reverse: true }, [4, 3, 2, 1]],
    [{ sort: 'result' }, [2, 1, 4, 3]],
    [{ sort: 'disk', limit: 3 }, [2, 1, 3]],
    [{ sort: 'size' }, [4, 1, 2, 3]],
    [{ node: 'other' }, [1]],
    [{ disk: '/b' }, [4]],
    [{ phase: 'generating' }, [2]],
    [{ result: 'late' }, [1]],
    [{ result: 'failed' }, [1, 4]],
    [{ result: 'none' }, [2]],
    [{ result: 'unknown' }, []],
    [{ node: 'main', result: 'failed' }, [4]],
    [{ node: 'other', disk: '/b' }, []],
  ])('lists with %j the contracts %j', async (options, expected) => {
    await list({ ...options, json: true });
    expect(listed()).toEqual(expected);
  });

  it('says that there are no contracts, or that none matches', async () => {
    await list({ node: 'other', disk: '/b' });
    await control.close();
    await list({}, []);
    expect(output.text).toBe('none of 4 contracts matches\nno contracts\n');
  });

  it.each([
    [{ node: 'mian' }, '--node: unknown node mian: did you mean main? this farmer has main, other'],
    [{ disk: '/c' }, '--disk: unknown disk /c: this farmer has /a, /b'],
  ])('rejects %j and lists what there is', async (options, message) => {
    await expect(list(options)).rejects.toMatchObject({ message });
  });

  it('lists ten thousand contracts', async () => {
    await list(
      { json: true },
      Array.from({ length: 10_000 }, (_, n) => row(n)),
    );
    expect(listed()).toHaveLength(10_000);
  });

  it('ends when the output is closed', async () => {
    output.acceptsBytes = 0;
    await list(
      {},
      Array.from({ length: 5_000 }, (_, n) => row(n)),
    );
    expect(output.text.split('\n').length).toBeLessThan(2_000);
  });

  it('reports a list that is incomplete because the farmer stopped', async () => {
    function* rows() {
      for (let n = 0; n < 500; n++) yield row(n);
      throw new Error('stopped');
    }
    await expect(list({}, rows())).rejects.toMatchObject({ code: 'no_response' });
    expect(output.text).toBe('');
  });
});

describe('toJsonLines', () => {
  it('gives other work of the farmer a turn after each hundred contracts', async () => {
    let turns = 0;
    let next = setImmediate(function count() {
      turns += 1;
      next = setImmediate(count);
    });
    let text = '';
    for await (const piece of toJsonLines(Array.from({ length: 1_000 }, (_, n) => row(n)))) text += piece;
    clearImmediate(next);
    expect({ lines: text.split('\n').length - 1, hasTurns: turns >= 9 }).toEqual({ lines: 1_000, hasTurns: true });
  });
});
