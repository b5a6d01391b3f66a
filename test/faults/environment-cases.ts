import { connect } from 'node:net';
import { setTimeout as pause } from 'node:timers/promises';
import type { ExpectedOutcome } from './cases.ts';
import type { EnvironmentName, Environments } from './environments.ts';

/** What breaks around farmer and node. */
type EnvironmentGroup = 'connection' | 'process' | 'clock' | 'output';

/** A fault that the mock node cannot inject. */
export interface EnvironmentCase<Name extends EnvironmentName> extends ExpectedOutcome {
  readonly group: EnvironmentGroup;
  /** The fault in words for docs/faults.md. */
  readonly fault: string;
  /** Causes the fault while the farmer runs at its capacity, and ends it. */
  readonly inject: (environment: Environments[Name]) => Promise<void> | void;
}

const RECONNECTS = 'Discards its idle connections after the first failure, and retries on new ones.';

/** The rows for connections, processes, clocks and output, by the environment that a trial must control. */
export const ENVIRONMENT_CASES: {
  readonly [Name in Exclude<EnvironmentName, 'node' | 'v1'>]: readonly EnvironmentCase<Name>[];
} = {
  network: [
    {
      group: 'connection',
      fault: 'open connections silently lose everything, new ones work',
      inject: async (network) => {
        // Slow answers of one round open a connection each.
        await delayOneRound(network, 300);
        await pause(500);
        network.silenceOpenConnections();
      },
      behavior: RECONNECTS,
    },
    {
      group: 'connection',
      fault: 'open connections are reset when they are used, new ones work',
      inject: (network) => network.resetOpenConnectionsOnUse(),
      behavior: RECONNECTS,
    },
    {
      group: 'connection',
      fault: 'nothing arrives on any connection for one second',
      inject: async (network) => {
        network.setSilent(true);
        await pause(1_000);
        network.setSilent(false);
      },
      behavior: 'Times out after a third of a round or of the slack, and retries on new connections.',
    },
    {
      group: 'connection',
      fault: 'requests arrive a second later',
      inject: async (network) => await delayOneRound(network, 1_000),
      behavior: 'Waits.',
    },
  ],
  process: [
    {
      group: 'process',
      fault: 'the process is suspended for one second (SIGSTOP)',
      inject: async ({ child }) => {
        child.kill('SIGSTOP');
        await pause(1_000);
        child.kill('SIGCONT');
      },
      behavior: 'Continues where it stopped.',
    },
    {
      group: 'process',
      fault: 'the terminal is closed (SIGHUP)',
      inject: ({ child }) => {
        child.kill('SIGHUP');
      },
      behavior: 'Ignores the signal.',
    },
    {
      group: 'connection',
      fault: 'clients open 256 connections to the HTTP port and send nothing',
      inject: async ({ url }) => {
        const { hostname, port } = new URL(url);
        const clients = Array.from({ length: 256 }, () => connect(Number(port), hostname).on('error', () => {}));
        await pause(6_000);
        for (const client of clients) client.destroy();
      },
      behavior: 'Closes the connections that have been idle the longest, and answers health checks and scrapes.',
    },
  ],
  terminal: [
    {
      group: 'output',
      fault: 'the terminal is stopped for twelve seconds (Ctrl-S)',
      inject: async (terminal) => {
        terminal.stopOutput();
        // A terminal accepts 4 KiB more, which takes some seconds.
        await pause(12_000);
        terminal.resumeOutput();
      },
      behavior: 'Keeps its log lines, and writes them when the terminal continues.',
    },
  ],
  clock: [
    {
      group: 'clock',
      fault: 'the system clock is set an hour forward, and back after a round',
      inject: async ({ clock }) => {
        clock.setWall(3_600_000);
        await pause(6_000);
        clock.setWall(0);
      },
      behavior: 'Lists the challenges again before it answers.',
    },
    {
      group: 'clock',
      fault: 'the machine is paused for two rounds, and all clocks stand still',
      inject: async ({ clock, farmer }) => await clock.pauseMachine(farmer, 11_000),
      failed: { missed: 'some', node_error: 'any', not_challenged: 'any' },
      behavior: 'Counts the lost rounds, and sends no answer that belongs to them.',
    },
  ],
};

/** Delays all requests for more than a round of five seconds. */
async function delayOneRound(network: Environments['network'], ms: number): Promise<void> {
  network.delay(ms);
  await pause(6_000);
  network.delay(0);
}
