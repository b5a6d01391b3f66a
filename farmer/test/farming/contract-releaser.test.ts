import { FakeClock, FakeLogger } from '@downstream/platform/testing';
import { describe, expect, it } from '@jest/globals';
import { ContractReleaser } from '../../src/farming/contract-releaser.ts';
import { makeId } from '../fakes/builders.ts';
import { FakeNode } from '../fakes/fake-farmer.ts';

const ID = makeId(1);

/** A releaser for a node with one contract. */
async function aReleaser() {
  const clock = new FakeClock();
  const node = Object.assign(new FakeNode(clock), { supply: 1 });
  const token = await node.register();
  await node.requestContracts(token, { maxBytes: 1 });
  const session: { token: string | undefined } = { token };
  const log = new FakeLogger();
  const stopping = new AbortController();
  const releaser = new ContractReleaser({ node, session, log });
  return {
    node,
    session,
    log,
    stopping,
    release: async () => await releaser.release({ id: ID, reference: ID }, 'exit', stopping.signal),
  };
}

describe('ContractReleaser', () => {
  it('releases a contract at the node', async () => {
    const { node, log, release } = await aReleaser();
    expect(await release()).toEqual({ result: 'released' });
    expect(node.released).toEqual([ID]);
    expect(log.lines).toEqual([]);
  });

  it('sends nothing without a token', async () => {
    const { node, session, release } = await aReleaser();
    session.token = undefined;
    expect(await release()).toEqual({ result: 'no_token' });
    expect(node.contracts.size).toBe(1);
  });

  it.each<[string, (node: FakeNode) => void]>([
    ['unreachable', ({ faults }) => Object.assign(faults, { failsReleases: true })],
    ['no_token', (node) => Object.assign(node, { token: 'forgotten' })],
    ['no_hash', ({ contracts }) => contracts.clear()],
  ])('logs and returns the failure %s of a node', async (code, prepare) => {
    const { node, log, release } = await aReleaser();
    prepare(node);
    expect(await release()).toEqual({ result: 'failed', code });
    expect(log.lines).toMatchObject([
      { level: 'warn', message: 'contract release failed', fields: { contract: ID, reason: 'exit' } },
    ]);
  });

  it('neither throws nor logs when the farmer stops', async () => {
    const { node, log, stopping, release } = await aReleaser();
    node.faults.failsReleases = true;
    stopping.abort();
    expect(await release()).toEqual({ result: 'aborted' });
    expect(log.lines).toEqual([]);
  });

  it('throws an unexpected error', async () => {
    const { node, release } = await aReleaser();
    node.release = async () => await Promise.reject(new TypeError('bug'));
    await expect(release()).rejects.toThrow(TypeError);
  });
});
