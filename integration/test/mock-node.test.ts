import { randomBytes } from 'node:crypto';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { ControlClient } from '@downstream/control-api';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { docker } from '../src/docker.ts';
import { eventually } from '../src/eventually.ts';
import { genesisOf } from '../src/genesis.ts';
import { IMAGES, LABEL_OPTIONS } from '../src/images.ts';
import { inTestBed } from '../src/test-bed.ts';

const NEW = '/api/downstream/new/19qVgG8C6eXwKMMyvVegsi3xCsKyk3Z3jV';
const SCENARIO = `
name: maintenance
description: The second and third newcomers are sent away.
config:
  maxContracts: 3
faults:
  - name: closed
    match: { route: new }
    skip: 1
    times: 2
    effect: { kind: status, status: 503, retryAfterSeconds: 30 }
`;

describe("the mock node's image", () => {
  let folder: string;
  let name: string;
  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'scenario-'));
    name = `downstream-integration-${randomBytes(6).toString('hex')}`;
  });
  afterEach(async () => {
    await docker(['rm', '--force', '--volumes', name]);
    rmSync(folder, { recursive: true });
  });

  /** As a person types it: with the rights that docker-compose.yml gives. */
  const run = async (...options: string[]) => {
    const least = ['--read-only', '--cap-drop', 'ALL', '--security-opt', 'no-new-privileges:true'];
    const ports = ['--publish', '127.0.0.1::5000', '--publish', '127.0.0.1::5001'];
    await docker([
      'run',
      '--detach',
      '--name',
      name,
      ...LABEL_OPTIONS,
      ...least,
      ...ports,
      ...options,
      IMAGES['mock-node'],
    ]);
    const control = new ControlClient(`http://${await docker(['port', name, '5001/tcp'])}`);
    await eventually(
      'the container to be healthy',
      async () => await docker(['inspect', '--format', '{{.State.Health.Status}}', name]),
      (health) => health === 'healthy',
    );
    return { node: `http://${await docker(['port', name, '5000/tcp'])}`, control };
  };

  it('runs with a preset and a mounted scenario', async () => {
    writeFileSync(join(folder, 'scenario.yaml'), SCENARIO, { mode: 0o644 });
    const { node, control } = await run(
      ...['--env', 'MOCK_PRESET=tight-deadlines'],
      ...['--volume', `${folder}/scenario.yaml:/scenario.yaml:ro`, '--env', 'MOCK_SCENARIO=/scenario.yaml'],
    );
    expect((await control.faults()).map((fault) => fault.name)).toEqual(['tight-interval', 'tight-delay', 'closed']);
    expect(await control.info()).toMatchObject({ scenario: 'maintenance' });
    expect(await control.config()).toMatchObject({ maxContracts: 3 });

    const replies = [];
    for (let n = 0; n < 4; n++) replies.push(await fetch(node + NEW));
    expect(replies.map(({ status }) => status)).toEqual([200, 503, 503, 200]);
    expect(replies[1]?.headers.get('retry-after')).toBe('30');
    const [first = await fetch(node)] = replies;
    const { token } = (await first.json()) as { token: string };
    const contract = (await (await fetch(`${node}/api/downstream/chunk/${token}`)).json()) as { interval: number };
    // A quarter of the interval that it would have: the preset's.
    expect(contract.interval).toBe(15);
    expect(await control.countRequests({ fault: 'closed' })).toBe(2);
    expect(await docker(['logs', name])).toContain('mock-node ready api=:5000 control=:5001 seed=42\n'.trim());
  });

  it('is healthy while its node refuses everybody, and ends at once on SIGTERM while requests hang', async () => {
    const { node, control } = await run();
    await control.addFault({ name: 'hang', times: 1, effect: 'hang' });
    const hanging = fetch(node + NEW).then(
      () => 'replied',
      () => 'cut',
    );
    await eventually(
      'the request to hang',
      async () => (await control.fault('hang')).applied,
      (applied) => applied === 1,
    );
    await control.applyScenario('offline');
    await expect(fetch(node + NEW)).rejects.toThrow('fetch failed');
    expect(await hanging).toBe('cut');
    const health = ['exec', name, 'node', '/app/mock-node/dist/healthcheck.js'];
    await docker(health);
    const startedAt = performance.now();
    await docker(['stop', '--timeout', '10', name]);
    expect(performance.now() - startedAt).toBeLessThan(5_000);
    expect(await docker(['inspect', '--format', '{{.State.ExitCode}}', name])).toBe('0');
  });
});

describe('a mock node in a container of testcontainers', () => {
  it('has faults from the start, and others while a farmer farms through them', async () => {
    await inTestBed(async (bed) => {
      const genesis = genesisOf('what both have');
      const node = await bed.mockNode({
        genesis,
        faults: [{ name: 'shy', match: { route: 'new' }, times: 2, effect: 'reset' }],
      });
      const farmer = await bed.farmer({ genesis, env: { FARMER_SIZE: '192KiB' } });
      await farmer.filled();
      const { control } = node;
      expect(await control.fault('shy')).toMatchObject({ applied: 2, state: 'over' });

      await control.addFault({
        name: 'lost',
        match: { route: 'challenge' },
        times: 3,
        effect: 'accept_but_drop_reply',
      });
      await eventually(
        'three lost replies',
        async () => await control.fault('lost'),
        ({ state }) => state === 'over',
      );
      const metrics = await farmer.passes(3);
      expect(metrics.value('farmer_challenges_failed_total')).toBe(0);
      expect((await control.info()).challenges).toMatchObject({ wrong: 0, unanswered: 0 });
      expect((await node.scrape()).value('mock_node_faults_applied_total', { name: 'lost' })).toBe(3);
    });
  });
});
