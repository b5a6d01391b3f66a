import type { Panel } from '@grafana/grafana-foundation-sdk/dashboard';
import { graph, timeline } from '../panels.ts';
import { diskState, increasePerStep, select } from '../promql.ts';
import { DISK_STATES } from '../shared-panels.ts';
import { DISK, DISK_CAPACITY, DISK_FREE, DISK_SPARE, DISK_USED } from './queries.ts';

const DISK_SIZE = select('farmer_disk_size_bytes');

export const diskPanels: Panel[] = [
  timeline({
    title: 'Disk states',
    question: 'When was a disk full, read-only or quarantined?',
    normal: 'ok without gaps. A full or read-only disk stores no more chunks. A quarantined disk is not used.',
    size: [24, 5],
    valueNames: DISK_STATES,
    runbooks: ['FarmerDiskQuarantined', 'FarmerDiskReadOnly', 'FarmerDiskFilling'],
    queries: [{ expr: `max by (namespace, instance, disk) (${diskState()})`, legend: DISK }],
  }),
  graph({
    title: 'Free space by disk',
    question: 'What share of each disk is free, and how much stays free once its capacity is used (spare)?',
    normal: 'both above 0, and spare level. Spare falls if other programs fill the disk.',
    unit: 'percentunit',
    max: 1,
    signed: true,
    runbooks: ['FarmerDiskFilling'],
    queries: [
      { expr: `min by (namespace, instance, disk) (${DISK_FREE} / ${DISK_SIZE})`, legend: `free ${DISK}` },
      { expr: `min by (namespace, instance, disk) (${DISK_SPARE} / ${DISK_SIZE})`, legend: `spare ${DISK}` },
    ],
  }),
  graph({
    title: 'Used capacity by disk',
    question: 'How much of the capacity of each disk do chunks use?',
    normal: 'growing up to the dashed capacity, then level.',
    unit: 'bytes',
    queries: [
      { expr: `sum by (namespace, instance, disk) (${DISK_USED})`, legend: `used ${DISK}` },
      { expr: `sum by (namespace, instance, disk) (${DISK_CAPACITY})`, legend: `capacity ${DISK}`, limit: true },
    ],
  }),
  graph({
    title: 'Probe time by disk',
    question: 'Is a disk becoming slow? Time to write, flush, read and delete a small file.',
    normal: 'milliseconds, and level. A rising time means a busy or failing disk.',
    unit: 's',
    runbooks: ['FarmerDiskQuarantined'],
    queries: [{ expr: `max by (namespace, instance, disk) (${select('farmer_disk_probe_seconds')})`, legend: DISK }],
  }),
  graph({
    title: 'Disk errors by kind',
    question: 'Which disk has errors, and of which kind?',
    normal: 'none. `gone`: not mounted or replaced. `read_only`: not writable. `io` and `slow`: the disk is failing.',
    as: 'bars',
    runbooks: ['FarmerDiskQuarantined', 'FarmerIntegrityErrors'],
    queries: [
      {
        expr: increasePerStep('farmer_disk_errors_total', { by: ['namespace', 'instance', 'disk', 'kind'] }),
        legend: `${DISK} {{kind}}`,
      },
    ],
  }),
];
