import type { Panel } from '@grafana/grafana-foundation-sdk/dashboard';
import { graph, stat } from '../panels.ts';
import { increasePerStep, select } from '../promql.ts';

export const integrityPanels: Panel[] = [
  graph({
    title: 'Chunk errors',
    question: 'Which chunks are damaged or could not be generated?',
    normal: 'none. The farmer rebuilds damaged chunks, but repeated errors mean a failing disk.',
    size: [8, 8],
    as: 'bars',
    palette: {
      corrupt: 'red',
      unreadable: 'orange',
      slow: 'blue',
      exhausted: 'green',
      disk_full: 'purple',
      download_failed: 'yellow',
    },
    runbooks: ['FarmerIntegrityErrors'],
    queries: [{ expr: increasePerStep('farmer_chunk_errors_total', { by: ['kind'] }), legend: '{{kind}}' }],
  }),
  graph({
    title: 'Scrubbed chunks by result',
    question: 'Does the scrub find damaged chunks?',
    normal:
      '`ok`, and `proved` for chunks that a proof verified. The others are rebuilt. Empty: the scrub is off or idle.',
    size: [8, 8],
    as: 'bars',
    palette: { ok: 'green', proved: 'blue', slow: 'yellow', unreadable: 'orange', corrupt: 'red' },
    runbooks: ['FarmerScrubOverdue', 'FarmerIntegrityErrors'],
    queries: [{ expr: increasePerStep('farmer_scrub_chunks_total', { by: ['result'] }), legend: '{{result}}' }],
  }),
  graph({
    title: 'Rebuilt chunks',
    question: 'How many lost or damaged chunks has the farmer rebuilt?',
    normal: 'none, or as many as were damaged.',
    size: [5, 8],
    as: 'bars',
    runbooks: ['FarmerIntegrityErrors'],
    queries: [{ expr: increasePerStep('farmer_chunks_rebuilt_total'), legend: 'rebuilt', color: 'green' }],
  }),
  stat({
    title: 'Last full scrub',
    question: 'How long ago did the scrub complete a cycle? Shows the farmer with the oldest one.',
    normal: 'less than two cycles (FARMER_SCRUB_CYCLE, 14 days by default).',
    unit: 's',
    size: [3, 8],
    noValue: 'never',
    runbooks: ['FarmerScrubOverdue'],
    queries: [{ expr: `time() - min(${select('farmer_scrub_last_completed_timestamp_seconds')} > 0)`, legend: 'ago' }],
  }),
];
