import type { Dashboard } from '@grafana/grafana-foundation-sdk/dashboard';
import { dashboard } from './dashboard.ts';
import { challengePanels } from './farmer/challenges.ts';
import { diskPanels } from './farmer/disks.ts';
import { integrityPanels } from './farmer/integrity.ts';
import { nodePanels } from './farmer/nodes.ts';
import { overviewPanels } from './farmer/overview.ts';
import { pipelinePanels } from './farmer/proof-pipeline.ts';
import { slackPanels } from './farmer/slack.ts';
import { storagePanels } from './farmer/storage.ts';
import { processPanels } from './shared-panels.ts';

/** One or several farmers, from "do they pass?" down to the process. */
export function farmerDashboard(): Dashboard {
  const runbooks = { blocked: 'FarmerEventLoopBlocked', restarting: 'FarmerRestarting' };
  return dashboard({
    uid: 'downstream-farmer',
    title: 'Farmer',
    description: 'Whether a farmer passes its challenges, with how much slack, and what will fail next.',
    buildInfo: 'farmer_build_info',
    rows: [
      { title: 'Overview', panels: overviewPanels },
      { title: 'Challenges', panels: challengePanels },
      { title: 'Slack', panels: slackPanels },
      { title: 'Proof pipeline', panels: pipelinePanels },
      { title: 'Nodes', panels: nodePanels },
      { title: 'Contracts and storage', panels: storagePanels },
      { title: 'Disks', panels: diskPanels },
      { title: 'Integrity', panels: integrityPanels },
      { title: 'Process', panels: processPanels('farmer', runbooks) },
    ],
  });
}
