import type { Catalogue } from '@downstream/platform';
import { FAILURE_REASONS, PHASES } from '../contract/contract.ts';
import { CHUNK_FAULTS, NODE_ERROR_CODES, ROUTES } from '../farming/errors.ts';
import { END_REASONS, REFUSAL_REASONS } from '../farming/ports.ts';

/** Doubling from 0.2 ms: from a small chunk in the cache to a large one on a slow disk. */
const WORK_SECONDS = Array.from({ length: 18 }, (_, step) => 0.0002 * 2 ** step);
const SLACK_SECONDS = [-60, -10, -1, 0, 1, 2, 5, 10, 20, 30, 60, 120, 300, 600, 1800, 3600, 14_400];
const REQUEST_SECONDS = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 15, 60];

/**
 * Every metric of the farmer, declared here and nowhere else; docs/metrics.md is made from it. No label holds a
 * token, a hash or an address.
 */
export const FARMER_METRICS = {
  passed: {
    type: 'counter',
    name: 'farmer_challenges_passed_total',
    unit: 'challenges',
    question: 'Am I passing?',
    help: 'Challenges answered in time and accepted by the node.',
  },
  failed: {
    type: 'counter',
    name: 'farmer_challenges_failed_total',
    unit: 'challenges',
    question: 'What goes wrong?',
    help: 'Challenges failed, by reason: wrong_answer (the node refused it in time), late (it came after the deadline), missed (it came and was not answered in time, or the farmer was off), not_challenged (the node answered, but never asked), chunk_unreadable (never answered: the chunk was missing or corrupt), node_error (never answered: the node could not be reached or did not acknowledge).',
    labels: { reason: FAILURE_REASONS },
  },
  lastPassed: {
    type: 'gauge',
    name: 'farmer_last_passed_timestamp_seconds',
    unit: 'seconds since the epoch',
    question: 'When did I last pass?',
    help: 'When a challenge was last passed, in seconds since the epoch; 0 before the first of this process.',
  },
  slack: {
    type: 'histogram',
    name: 'farmer_challenge_slack_seconds',
    unit: 'seconds',
    question: 'How near to the deadline am I?',
    help: 'Time left before the deadline when the node gave its verdict on an answer; negative is late.',
    buckets: SLACK_SECONDS,
  },
  nextDue: {
    type: 'gauge',
    name: 'farmer_next_due_timestamp_seconds',
    unit: 'seconds since the epoch',
    question: 'When must the next answer be there?',
    help: 'When the next challenge falls due, in seconds since the epoch; 0 without contracts.',
  },
  interval: {
    type: 'gauge',
    name: 'farmer_challenge_interval_seconds',
    unit: 'seconds',
    question: 'How often am I challenged?',
    help: 'Shortest interval between two challenges of any contract held; 0 without contracts.',
  },
  proofWait: {
    type: 'histogram',
    name: 'farmer_proof_wait_seconds',
    unit: 'seconds',
    question: 'Are there enough workers?',
    help: 'Time that an open challenge waited for a worker to take it up.',
    buckets: WORK_SECONDS,
  },
  proof: {
    type: 'histogram',
    name: 'farmer_proof_duration_seconds',
    unit: 'seconds',
    question: 'Is the disk fast enough?',
    help: 'Time that a worker took to read and hash a chunk for an answer.',
    buckets: WORK_SECONDS,
  },
  generation: {
    type: 'histogram',
    name: 'farmer_chunk_generation_duration_seconds',
    unit: 'seconds',
    question: 'How fast do chunks come into being?',
    help: 'Time that a worker took to make a chunk from the genesis file and write it.',
    buckets: WORK_SECONDS,
  },
  chunkFaults: {
    type: 'counter',
    name: 'farmer_chunk_faults_total',
    unit: 'faults',
    question: 'Is the disk sound?',
    help: 'Chunks found bad or not made, by fault: corrupt (the bytes on disk have changed), unreadable (a file is missing, or can not be read or written), slow (reading or writing it took too long), disk_full, download_failed. Each is made again.',
    labels: { fault: CHUNK_FAULTS },
  },
  repaired: {
    type: 'counter',
    name: 'farmer_chunks_repaired_total',
    unit: 'chunks',
    question: 'Does the farmer help itself?',
    help: 'Chunks that were lost or damaged and are there again, sound.',
  },
  contracts: {
    type: 'gauge',
    name: 'farmer_contracts',
    unit: 'contracts',
    question: 'How many contracts do I hold, and what do they wait for?',
    help: 'Contracts held, by state.',
    labels: { state: PHASES },
  },
  taken: {
    type: 'counter',
    name: 'farmer_contracts_taken_total',
    unit: 'contracts',
    question: 'Do I get new contracts?',
    help: 'Contracts taken on.',
  },
  refused: {
    type: 'counter',
    name: 'farmer_contracts_refused_total',
    unit: 'contracts',
    question: 'Does the node offer what I can not take?',
    help: 'Contracts not taken on, by reason: hash_mismatch (the chunk came out other than the contract says), duplicate (it is held already), download_refused (from a server that is not allowed, or too long).',
    labels: { reason: REFUSAL_REASONS },
  },
  ended: {
    type: 'counter',
    name: 'farmer_contracts_ended_total',
    unit: 'contracts',
    question: 'Do I lose contracts?',
    help: 'Contracts lost, by reason: ended_by_node (it does not list them any more), token_lost (the node does not know this farmer any more), given_back (this farmer leaves).',
    labels: { reason: END_REASONS },
  },
  contractBytes: {
    type: 'gauge',
    name: 'farmer_contract_bytes',
    unit: 'bytes',
    question: 'How much do I store?',
    help: 'Bytes of the chunks of all contracts held, those still to be made included.',
  },
  capacityBytes: {
    type: 'gauge',
    name: 'farmer_capacity_bytes',
    unit: 'bytes',
    question: 'How much may I store?',
    help: 'Bytes that the operator gives.',
  },
  diskFree: {
    type: 'gauge',
    name: 'farmer_disk_free_bytes',
    unit: 'bytes',
    question: 'Does what I give fit on the disk?',
    help: "Bytes free on the data directory's file system for a user without privileges.",
  },
  diskSize: {
    type: 'gauge',
    name: 'farmer_disk_size_bytes',
    unit: 'bytes',
    question: 'How large is the disk?',
    help: "Size of the data directory's file system.",
  },
  queueJobs: {
    type: 'gauge',
    name: 'farmer_queue_jobs',
    unit: 'jobs',
    question: 'Where does work pile up?',
    help: 'Jobs by queue and state: chunks (to be made or proved by the workers), answers (to be delivered to the node).',
    labels: { queue: ['chunks', 'answers'], state: ['waiting', 'running'] },
  },
  workers: {
    type: 'gauge',
    name: 'farmer_workers',
    unit: 'threads',
    question: 'How many workers may I use?',
    help: 'Threads that may work on chunks at once.',
  },
  workersBusy: {
    type: 'gauge',
    name: 'farmer_workers_busy',
    unit: 'threads',
    question: 'How busy are they?',
    help: 'Threads that work on a chunk right now.',
  },
  requests: {
    type: 'counter',
    name: 'farmer_node_requests_total',
    unit: 'requests',
    question: 'Does the node answer, and how?',
    help: 'Requests to the node, by route and outcome.',
    labels: { route: ROUTES, outcome: ['ok', ...NODE_ERROR_CODES] },
  },
  requestSeconds: {
    type: 'histogram',
    name: 'farmer_node_request_duration_seconds',
    unit: 'seconds',
    question: 'How fast does the node answer?',
    help: 'Time that requests to the node took, failed ones included.',
    labels: { route: ROUTES },
    buckets: REQUEST_SECONDS,
  },
  nodeReachable: {
    type: 'gauge',
    name: 'farmer_node_reachable',
    unit: '0 or 1',
    question: 'Is the node there?',
    help: 'Whether the node answered when it was last asked.',
  },
  metricErrors: {
    type: 'counter',
    name: 'farmer_metric_errors_total',
    unit: 'metrics',
    question: 'Are these metrics whole?',
    help: 'Metrics left out of a scrape because they could not be read.',
  },
  build: {
    type: 'gauge',
    name: 'farmer_build_info',
    unit: 'always 1',
    question: 'Which version runs?',
    help: 'Always 1; the labels say which version runs.',
    labels: { version: null, node_version: null },
  },
} as const satisfies Catalogue;
