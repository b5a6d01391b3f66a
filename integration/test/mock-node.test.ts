import { randomBytes } from 'node:crypto';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { ControlClient } from '@downstream/control-api';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { docker, tryDocker } from '../src/docker.ts';
import { eventually } from '../src/eventually.ts';
import { createGenesis } from '../src/genesis.ts';
import { LABEL_OPTIONS } from '../src/images.ts';
import { fetchJson, scrape } from '../src/scrape.ts';
import { StandaloneMockNode } from '../src/standalone-mock-node.ts';
import { inTestBed } from '../src/test-bed.ts';

const NEW = '/api/downstream/new/19qVgG8C6eXwKMMyvVegsi3xCsKyk3Z3jV';

/** Returns the status of a request, or `no response`. */
async function requestOutcome(url: string): Promise<number | 'no response'> {
  return await fetch(url, { headers: { Connection: 'close' } }).then(
    async (response) => {
      await response.arrayBuffer();
      return response.status;
    },
    () => 'no response',
  );
}

/** Returns the outcomes of `count` requests, one after the other. */
async function requestOutcomes(url: string, count: number): Promise<(number | 'no response')[]> {
  const outcomes: (number | 'no response')[] = [];
  while (outcomes.length < count) outcomes.push(await requestOutcome(url));
  return outcomes;
}

const createControlClient = async (run: StandaloneMockNode) => new ControlClient(await run.controlUrl());

describe('The image of the mock node', () => {
  let folder: string;
  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'downstream-'));
  });
  afterAll(async () => {
    await rm(folder, { recursive: true });
  });

  /** Writes a scenario file; returns the options that mount and use it. */
  async function scenario(yaml: string): Promise<string[]> {
    const path = join(folder, 'scenario.yaml');
    await writeFile(path, yaml, { mode: 0o644 });
    return ['--volume', `${path}:/scenario.yaml:ro`, '--env', 'MOCK_SCENARIO=/scenario.yaml'];
  }

  it('prints one line with its ports when it is ready', async () => {
    await using run = await StandaloneMockNode.start('--env', 'MOCK_SEED=a seed');
    expect(await run.output()).toBe('mock-node ready api=:5000 control=:5001 seed=a seed');
  });

  it('applies the faults of a preset and a mounted scenario, and counts them in its control API and metrics', async () => {
    const mounted = await scenario(`
      name: closed
      description: Rejects the first registrations.
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
    expect(await control.getInfo()).toMatchObject({
      scenario: 'closed',
      seed: expect.stringMatching(/^[0-9a-f]{16}$/),
    });

    const outcomes = await requestOutcomes((await run.url()) + NEW, 100);

    const applied = Object.fromEntries((await control.listFaults()).map((fault) => [fault.name, fault.applied]));
    const times = (outcome: number | 'no response') => outcomes.filter((each) => each === outcome).length;
    expect(applied['closed']).toBe(2);
    expect(times(429)).toBe(2);
    expect(times(503)).toBe(applied['flaky-503']);
    expect(times('no response')).toBe((applied['flaky-reset'] ?? 0) + (applied['flaky-lost-response'] ?? 0));
    expect(times(200)).toBe(100 - times(429) - times(503) - times('no response'));
    // About one request in ten fails.
    expect(times(503) + times('no response')).toBeGreaterThan(0);
    expect(times(200)).toBeGreaterThan(70);

    const metrics = await scrape(await run.controlUrl());
    expect(metrics.value('mock_node_faults_applied_total', { name: 'closed' })).toBe(2);
    expect(metrics.value('mock_node_requests_total', { route: 'new', code: '429' })).toBe(2);
    expect(metrics.value('mock_node_requests_total', { route: 'new', code: 'none' })).toBe(times('no response'));
  });

  it('stays healthy while a fault refuses connections, and accepts them again without the fault', async () => {
    await using run = await StandaloneMockNode.start('--env', 'MOCK_PRESET=offline');
    const control = await createControlClient(run);
    const url = await run.url();
    expect(await requestOutcome(url + NEW)).toBe('no response');
    const since = (await run.health()).Log.at(-1)?.Start ?? '';

    const results = await eventually(
      'the health check to look three times more',
      async () => (await run.health()).Log.filter(({ Start }) => Start > since),
      ({ length }) => length >= 3,
    );
    expect(await requestOutcome(url + NEW)).toBe('no response');
    expect(results.map(({ ExitCode }) => ExitCode)).toEqual(results.map(() => 0));

    await control.removeFaults();
    await eventually(
      'the node to accept connections',
      async () => await requestOutcome(url + NEW),
      (outcome) => outcome === 200,
    );
  });

  it('keeps farmers and contracts in a new container on the same volume after a kill', async () => {
    const volume = `downstream-integration-${randomBytes(6).toString('hex')}`;
    await docker(['volume', 'create', ...LABEL_OPTIONS, volume]);
    const kept = ['--volume', `${volume}:/state`, '--env', 'MOCK_STATE=/state/node.db'];
    try {
      let token = '';
      let hash = '';
      await using first = await StandaloneMockNode.start(...kept);
      ({ token } = await fetchJson<{ token: string }>((await first.url()) + NEW));
      ({ file_hash: hash } = await fetchJson<{ file_hash: string }>(
        `${await first.url()}/api/downstream/chunk/${token}`,
      ));
      await first.kill();

      await using second = await StandaloneMockNode.start(...kept);
      const contracts = await (await createControlClient(second)).listContracts();
      expect(contracts.map((contract) => contract.hash)).toEqual([hash]);
      expect(await fetchJson(`${await second.url()}/api/downstream/due/${token}`)).toMatchObject({
        all_contracts: [{ hash }],
      });
      expect((await second.stop()).exitCode).toBe(0);
    } finally {
      // An error here would replace that of the test.
      await tryDocker(['volume', 'rm', '--force', volume]);
    }
  });

  it('exits promptly on SIGTERM while requests hang and clients wait for events', async () => {
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

describe('A farmer', () => {
  it.concurrent('fails no challenge while faults are injected', async () => {
    await inTestBed(async (bed) => {
      const genesis = createGenesis('shared');
      const node = await bed.startMockNode((set) => set.withGenesis(genesis.content).withInterval(12));
      const farmer = await bed.startFarmer({ genesis, env: { FARMER_SIZE: '192KiB' } });
      await farmer.waitUntilFull();
      await farmer.waitForPasses(3);

      await node.control.addFault({
        name: 'lost',
        match: { route: 'challenge' },
        times: 3,
        effect: 'drop_response',
      });
      await node.control.addFault({ name: 'unreachable', match: { route: 'due' }, times: 2, effect: 'refuse' });
      await node.control.addFault({ name: 'late', effect: { kind: 'uniform', minMs: 50, maxMs: 300 } });
      expect(await node.control.waitForRequests({ fault: 'lost' }, { count: 3, timeoutMs: 40_000 })).toBe(3);
      expect(await node.control.waitForRequests({ fault: 'unreachable' }, { count: 2, timeoutMs: 40_000 })).toBe(2);
      const metrics = await farmer.waitForPasses(6);

      expect(metrics.value('farmer_challenges_failed_total')).toBe(0);
      const seen = await node.scrape();
      expect(seen.value('mock_node_challenges_total', { result: 'wrong' })).toBe(0);
      expect(seen.value('mock_node_challenges_total', { result: 'unanswered' })).toBe(0);
      expect(seen.value('mock_node_faults_applied_total', { name: 'lost' })).toBe(3);
      expect(seen.value('mock_node_contracts')).toBe(3);
    });
  });

  it.concurrent('keeps its contracts when its node restarts with saved state', async () => {
    await inTestBed(async (bed) => {
      const genesis = createGenesis('shared');
      // Longer than a restart takes on a busy machine, so that no challenge is missed.
      const node = await bed.startMockNode((set) => set.withGenesis(genesis.content).withInterval(12).withState());
      const farmer = await bed.startFarmer({ genesis, env: { FARMER_SIZE: '192KiB' } });
      await farmer.waitUntilFull();
      await farmer.waitForPasses(3);
      const before = (await node.control.listContracts()).map(({ hash }) => hash);

      await node.restart();
      const metrics = await farmer.waitForPasses(3);

      expect((await node.control.listContracts()).map(({ hash }) => hash)).toEqual(before);
      expect(metrics.value('farmer_contracts_ended_total')).toBe(0);
      expect(metrics.value('farmer_challenges_failed_total')).toBe(0);
    });
  });
});
