import type { MockNode } from '@downstream/mock-node';
import type { Status } from '../../farmer/src/status/status.ts';
import { ClockControl } from '../support/clock-control.ts';
import { type FarmerProcess, startFarmerProcess } from '../support/farmer-process.ts';
import { startTcpProxy, type TcpProxy } from '../support/tcp-proxy.ts';
import { Terminal } from '../support/terminal.ts';
import type { TestFarm } from '../support/test-farm.ts';

/** The part of a farmer that a trial observes. */
export interface ObservedFarmer {
  readonly url: string;
  readonly lines: readonly string[];
  /** Values that no line may contain. */
  readonly secrets: ReadonlySet<string>;
  metrics(): Promise<string>;
  status(): Status | Promise<Status>;
}

/** Ways to run a farmer, by what a trial can break around it. */
export interface Environments {
  /** In this process, connected to the prototype API of the node: only the node breaks. */
  readonly node: undefined;
  /** The same with the v1 API. */
  readonly v1: undefined;
  /** In this process, connected to the node through a proxy. */
  readonly network: TcpProxy;
  /** In its own process, connected to the node. */
  readonly process: FarmerProcess;
  /** In a terminal, connected to the node. */
  readonly terminal: Terminal;
  /** In its own process, on a machine whose clocks the test controls. */
  readonly clock: { readonly clock: ClockControl; readonly farmer: FarmerProcess };
}
export type EnvironmentName = keyof Environments;

/** Starts a farmer in its environment. */
export type StartFarmer<E> = (
  farm: TestFarm,
  node: MockNode,
) => Promise<{ readonly farmer: ObservedFarmer; readonly environment: E }>;

const SETTINGS = { FARMER_POLL_INTERVAL: '250ms' };

export const START_FARMER: { readonly [Name in EnvironmentName]: StartFarmer<Environments[Name]> } = {
  node: async (farm, node) => ({ farmer: await farm.startFarmer(node.url, SETTINGS), environment: undefined }),
  v1: async (farm, node) => ({
    farmer: await farm.startFarmer(node.url, { ...SETTINGS, FARMER_PROTOCOL: 'v1' }),
    environment: undefined,
  }),
  network: async (farm, node) => {
    const proxy = farm.use(await startTcpProxy(node.url));
    return { farmer: await farm.startFarmer(proxy.url, SETTINGS), environment: proxy };
  },
  process: async (farm, node) => {
    const farmer = farm.use(await startFarmerProcess({ ...farm.env(node.url), ...SETTINGS }));
    return { farmer, environment: farmer };
  },
  terminal: async (farm, node) => {
    const env = { ...farm.env(node.url), ...SETTINGS, FARMER_INIT: 'true', FARMER_LOG_FORMAT: 'json' };
    const terminal = farm.use(new Terminal('farmer/src/main.ts', env));
    const url = await terminal.waitFor(/"http":"(http:[^"]+)"/);
    const read = async (path: string) => await fetch(url + path, { signal: AbortSignal.timeout(2_000) });
    const farmer: ObservedFarmer = {
      url,
      // The terminal also shows a progress bar.
      get lines() {
        return terminal.shown.match(/\{.*\}/g) ?? [];
      },
      secrets: new Set(),
      metrics: async () => await (await read('/metrics')).text(),
      status: async () => (await (await read('/status')).json()) as Status,
    };
    return { farmer, environment: terminal };
  },
  clock: async (farm, node) => {
    const clock = farm.use(new ClockControl());
    const farmer = farm.use(await startFarmerProcess({ ...farm.env(node.url), ...SETTINGS, ...clock.env }));
    return { farmer, environment: { clock, farmer } };
  },
};
