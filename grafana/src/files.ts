import { join } from 'node:path';
import type { Dashboard } from '@grafana/grafana-foundation-sdk/dashboard';
import { farmerDashboard } from './farmer.ts';
import { fleetDashboard } from './fleet.ts';
import { mockNodeDashboard } from './mock-node.ts';

const FOLDER = join(import.meta.dirname, '../dashboards');

/** By file name. */
function createDashboards(): Record<string, Dashboard> {
  return { farmer: farmerDashboard(), fleet: fleetDashboard(), 'mock-node': mockNodeDashboard() };
}

/** The files that Grafana loads. */
export function renderDashboardFiles(): { path: string; text: string }[] {
  return Object.entries(createDashboards()).map(([name, dashboard]) => ({
    path: join(FOLDER, `${name}.json`),
    text: `${JSON.stringify(dashboard, null, 2)}\n`,
  }));
}
