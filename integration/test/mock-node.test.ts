import { randomBytes } from 'node:crypto';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { ControlClient } from '@downstream/control-api';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { docker } from '../src/docker.ts';
import { eventually } from '../src/eventually.ts';
import { createGenesis } from '../src/genesis.ts';
import { LABEL_OPTIONS } from '../src/images.ts';
import { json, scrape } from '../src/scrape.ts';
import { StandaloneMockNode } from '../src/standalone-mock-node.ts';
import { inTestBed } from '../src/test-bed.ts';

const NEW = '/api/downstream/new/19qVgG8C6eXwKMMyvVegsi3xCsKyk3Z3jV';

/** What comes of a request, to a client that knows nothing but HTTP. */
async function requestOutcome(url: string): Promise<number | 'no reply'> {
  return await fetch(url, { headers: { Connection: 'close' } }).then(
    async (response) => {
      await response.arrayBuffer();
      return response.status;
    },
    () => 'no reply',
  );
}

/** The outcomes of so many requests, one after the other. */
async function requestOutcomes(url: string, count: number): Promise<(number | 'no reply')[]> {
  const outcomes: (number | 'no reply')[] = [];
  while (outcomes.length < count) outcomes.push(await requestOutcome(url));
  return outcomes;
}

const createControlClient = async (run: StandaloneMockNode) => new ControlClient(await run.controlUrl());

describe('the image of the mock node', () => {
  let folder: string;
  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'downstream-'));
  });
  afterAll(async () => {
    await rm(folder, { recursive: true });
  });

  /** A scenario on this machine, as an option that mounts it and one that names it. */
  async function scenario(yaml: string): Promise<string[]> {
    const path = join(folder, 'scenario.yaml');
    await writeFile(path, yaml, { mode: 0o644 });
    return ['--volume', `${path}:/scenario.yaml:ro`, '--env', 'MOCK_SCENARIO=/scenario.yaml'];
  }

  it('says in one line when it is ready, with the ports in the container', async () => {
    await using run = await StandaloneMockNode.start('--env', 'MOCK_SEED=a seed');
    expect(await run.output()).toBe('mock-node ready api=:5000 control=:5001 seed=a seed');
  });

  it('has the faults of a preset and of a mounted scenario, and the control API says which were applied', async () => {
    const mounted = await scenario(`
      name: closed
      description: Nobody is let in at first.
      config: { intervalMs: 5000, maxContracts: 3 }
      faults:
        - name: closed
          match: { route: new }
          times: 2
          effect: { kind: status, status: 429, retryAfterSeconds: 7 }
    `);
    await using run = await StandaloneMockNode.start('--env', 'MOCK_PRESET=flaky', ...mounted);
    const control = await createControlClient(run);
    expect(await control.getConfig()).toMatchObject({ intervalMs: 5_000, maxContracts: 3 });
    expect(await control.getInfo()).toMatchObject({ scenario: 'closed', seed: '42' });

    const outcomes = await requestOutcomes((await run.url()) + NEW, 100);

    const applied = Object.fromEntries((await control.listFaults()).map((fault) => [fault.name, fault.applied]));
    const times = (outcome: number | 'no reply') => outcomes.filter((each) => each === outcome).length;
    expect(applied['closed']).toBe(2);
    expect(times(429)).toBe(2);
    expect(times(503)).toBe(applied['flaky-503']);
    expect(times('no reply')).toBe((applied['flaky-reset'] ?? 0) + (applied['flaky-lost-response'] ?? 0));
    expect(times(200)).toBe(100 - times(429) - times(503) - times('no reply'));
    // One in ten goes wrong: of a hundred, some certainly do, and most do not.
    expect(times(503) + times('no reply')).toBeGreaterThan(0);
    expect(times(200)).toBeGreaterThan(70);

    const metrics = await scrape(await run.controlUrl());
    expect(metrics.value('mock_node_faults_applied_total', { name: 'closed' })).toBe(2);
    expect(metrics.value('mock_node_requests_total', { route: 'new', code: '429' })).toBe(2);
    expect(metrics.value('mock_node_requests_total', { route: 'new', code: 'none' })).toBe(times('no reply'));
  });

  it('is well while it refuses whoever connects, and takes them again when it is told to', async () => {
    await using run = await StandaloneMockNode.start('--env', 'MOCK_PRESET=offline');
    const control = await createControlClient(run);
    const url = await run.url();
    expect(await requestOutcome(url + NEW)).toBe('no reply');
    const since = (await run.health()).Log.at(-1)?.Start ?? '';

    const looks = await eventually(
      'the health check to look three times more',
      async () => (await run.health()).Log.filter(({ Start }) => Start > since),
      ({ length }) => length >= 3,
    );
    expect(await requestOutcome(url + NEW)).toBe('no reply');
    expect(looks.map(({ ExitCode }) => ExitCode)).toEqual(looks.map(() => 0));

    await control.removeFaults();
    await eventually(
      'the node to be back',
      async () => await requestOutcome(url + NEW),
      (outcome) => outcome === 200,
    );
  });

  it('goes on with farmers and contracts in another container on the same volume, whatever became of the first', async () => {
    const volume = `downstream-integration-${randomBytes(6).toString('hex')}`;
    await docker(['volume', 'create', ...LABEL_OPTIONS, volume]);
    const kept = ['--volume', `${volume}:/state`, '--env', 'MOCK_STATE=/state/node.db'];
    try {
      let token = '';
      let hash = '';
      await using first = await StandaloneMockNode.start(...kept);
      ({ token } = await json<{ token: string }>((await first.url()) + NEW));
      ({ file_hash: hash } = await json<{ file_hash: string }>(`${await first.url()}/api/downstream/chunk/${token}`));
      await first.kill();

      await using second = await StandaloneMockNode.start(...kept);
      const contracts = await (await createControlClient(second)).listContracts();
      expect(contracts.map((contract) => contract.hash)).toEqual([hash]);
      expect(await json(`${await second.url()}/api/downstream/due/${token}`)).toMatchObject({
        all_contracts: [{ hash }],
      });
      expect((await second.stop()).exitCode).toBe(0);
    } finally {
      await docker(['volume', 'rm', '--force', volume]);
    }
  });

  it('ends on SIGTERM at once, while requests hang and others listen', async () => {
    await using run = await StandaloneMockNode.start();
    const control = await createControlClient(run);
    await control.addFault({ name: 'silence', effect: 'hang' });
    const events = control.streamEvents();
    await events.next();
    const left = Promise.allSettled([
      ...[1, 2, 3].map(async () => await fetch((await run.url()) + NEW)),
      control.waitForRequests({ route: 'due' }, { timeoutMs: 60_000 }),
      events.next(),
    ]);
    await eventually(
      'three requests to hang',
      async () => await control.getFault('silence'),
      ({ applied }) => applied === 3,
    );

    const { exitCode, seconds } = await run.stop();
    expect(exitCode).toBe(0);
    expect(seconds).toBeLessThan(3);
    expect((await left).slice(0, 3).map(({ status }) => status)).toEqual(['rejected', 'rejected', 'rejected']);
  });
});

describe('a farmer', () => {
  it('farms through faults that are switched on while it does, and fails no challenge', async () => {
    await inTestBed(async (bed) => {
      const genesis = createGenesis('what both have');
      const node = await bed.mockNode((set) => set.withGenesis(genesis.content).withInterval(6));
      const farmer = await bed.farmer({ genesis, env: { FARMER_SIZE: '192KiB' } });
      await farmer.filled();
      await farmer.passes(3);

      await node.control.addFault({
        name: 'lost',
        match: { route: 'challenge' },
        times: 3,
        effect: 'drop_response',
      });
      await node.control.addFault({ name: 'away', match: { route: 'due' }, times: 2, effect: 'refuse' });
      await node.control.addFault({ name: 'late', effect: { kind: 'uniform', minMs: 50, maxMs: 300 } });
      expect(await node.control.waitForRequests({ fault: 'lost' }, { count: 3, timeoutMs: 40_000 })).toBe(3);
      expect(await node.control.waitForRequests({ fault: 'away' }, { count: 2, timeoutMs: 40_000 })).toBe(2);
      const metrics = await farmer.passes(6);

      expect(metrics.value('farmer_challenges_failed_total')).toBe(0);
      const seen = await node.scrape();
      expect(seen.value('mock_node_challenges_total', { result: 'wrong' })).toBe(0);
      expect(seen.value('mock_node_challenges_total', { result: 'unanswered' })).toBe(0);
      expect(seen.value('mock_node_faults_applied_total', { name: 'lost' })).toBe(3);
      expect(seen.value('mock_node_contracts')).toBe(3);
    });
  });

  it('goes on with its contracts on a node that keeps its state over a restart', async () => {
    await inTestBed(async (bed) => {
      const genesis = createGenesis('what both have');
      // Longer than a restart takes on a busy machine: what falls due meanwhile would rightly count as missed.
      const node = await bed.mockNode((set) => set.withGenesis(genesis.content).withInterval(12).withState());
      const farmer = await bed.farmer({ genesis, env: { FARMER_SIZE: '192KiB' } });
      await farmer.filled();
      await farmer.passes(3);
      const before = (await node.control.listContracts()).map(({ hash }) => hash);

      await node.restart();
      const metrics = await farmer.passes(3);

      expect((await node.control.listContracts()).map(({ hash }) => hash)).toEqual(before);
      expect(metrics.value('farmer_contracts_ended_total')).toBe(0);
      expect(metrics.value('farmer_challenges_failed_total')).toBe(0);
    });
  });
});
