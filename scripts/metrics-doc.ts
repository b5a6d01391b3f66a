import { writeFileSync } from 'node:fs';
import { formatMetricsMarkdown } from '@downstream/platform';
import { FARMER_METRICS } from '../farmer/src/metrics/catalogue.ts';
import { MOCK_METRICS } from '../mock-node/src/metrics.ts';

/** The content of docs/metrics.md. */
export function renderMetricsDoc(): string {
  return `# Metrics

Generated from the code by \`npm run docs\`. Edit [farmer/src/metrics/catalogue.ts](../farmer/src/metrics/catalogue.ts)
or [mock-node/src/metrics.ts](../mock-node/src/metrics.ts) instead.

* Counters start at 0 when the process starts. Every combination of the label values below exists from the start.
* Labels hold no tokens, hashes or addresses. \`node\` is the alias of a node, \`disk\` the path of a data directory.
* A metric that cannot be read is left out of the scrape and counted in \`…_metric_errors_total\`.
* Both services also export the metrics of their process: CPU, memory, file descriptors and start time as
  \`process_…\`, event loop, heap and garbage collection as \`nodejs_…\`. \`nodejs_eventloop_lag_…\` is the delay of one
  timer every 100 ms, without the 100 ms.

## Farmer

${formatMetricsMarkdown(FARMER_METRICS)}

## Mock node

${formatMetricsMarkdown(MOCK_METRICS)}
`;
}

if (import.meta.main) writeFileSync(new URL('../docs/metrics.md', import.meta.url), renderMetricsDoc());
