import { FakeLogger } from '@downstream/platform/testing';
import { afterEach, beforeEach, describe, expect, it, jest } from '@jest/globals';
import { StatusLogger, toLogFields } from '../../src/cli/status-logger.ts';
import { STATUS } from '../fakes/status.ts';

const [NODE] = STATUS.nodes;
if (NODE === undefined) throw new Error('the status has a node');

describe('StatusLogger', () => {
  beforeEach(() => void jest.useFakeTimers());
  afterEach(() => void jest.useRealTimers());

  it.each([
    ['once, for the log, without a progress bar', { isEnabled: false, reads: 1 }],
    ['four times a second with a progress bar', { isEnabled: true, reads: 24 }],
  ])('reads the status %s', (_, { isEnabled, reads }) => {
    const log = new FakeLogger();
    const status = jest.fn(() => STATUS);
    const logger = new StatusLogger({ status, log, progress: { isEnabled, update: () => {}, stop: () => {} } });
    logger.start();
    jest.advanceTimersByTime(6_000);
    logger.stop();
    expect(status).toHaveBeenCalledTimes(reads);
    expect(log.messages()).toEqual(['farmer status']);
  });
});

describe('toLogFields', () => {
  it('counts nodes that return listings, of those in use', () => {
    const since = '2030-01-01T00:00:00.000Z';
    const unreachable = { ...NODE, reachable: false, problem: { code: 'timeout' as const, since } };
    const failing = { ...NODE, problem: { code: 'invalid_response' as const, since } };
    expect(toLogFields(STATUS)).toMatchObject({ contracts: '1/2', nodesWorking: '1/1' });
    expect(toLogFields({ ...STATUS, nodes: [NODE, unreachable, failing] })).toMatchObject({ nodesWorking: '1/3' });
  });

  it('does not count a node that the farmer has exited as failing', () => {
    const exited = { ...NODE, reachable: false, exitState: 'exited' as const };
    expect(toLogFields(STATUS)).not.toHaveProperty('nodesExited');
    expect(toLogFields({ ...STATUS, nodes: [exited] })).toMatchObject({ nodesWorking: '0/0', nodesExited: 1 });
    expect(toLogFields({ ...STATUS, nodes: [NODE, exited] })).toMatchObject({ nodesWorking: '1/1', nodesExited: 1 });
  });
});
