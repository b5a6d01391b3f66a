import { writeFileSync } from 'node:fs';
import { formatMetricsMarkdown } from '@downstream/platform';
import { FARMER_METRICS } from '../farmer/src/metrics/catalogue.ts';
import { MOCK_METRICS } from '../mock-node/src/metrics.ts';

/** docs/metrics.md, from the modules that declare the metrics. */
export function renderMetricsDoc(): string {
  return `# Metrics

Made from the code by \`npm run docs\`: change [farmer/src/metrics/catalogue.ts](../farmer/src/metrics/catalogue.ts) or
[mock-node/src/metrics.ts](../mock-node/src/metrics.ts) instead.

Units are base units. Counters begin at 0 with each start of the process; every combination of label values that is listed
here is there from the start. No label holds a token, a hash or an address. A metric that can't be read is left out of the
scrape and counted; the rest is served. Beside these, both services have the process's own metrics: processor, memory, files
and start time as \`process_…\`, event loop, heap and garbage collection as \`nodejs_…\`.

## Farmer

${formatMetricsMarkdown(FARMER_METRICS)}

## Mock node

${formatMetricsMarkdown(MOCK_METRICS)}
`;
}

if (import.meta.main) writeFileSync(new URL('../docs/metrics.md', import.meta.url), renderMetricsDoc());
