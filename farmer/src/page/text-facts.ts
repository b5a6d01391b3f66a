import { formatBuild, formatBytes, type Instant } from '@downstream/platform';
import type { RequestSummary } from '../status/request-stats.ts';
import type { DiskStatus, NodeStatus, Status } from '../status/status.ts';
import { formatCount, formatDuration, formatLabel, formatRelative, formatUsed } from './format.ts';
import { formatFact, wrap } from './text-layout.ts';
import type { View } from './view.ts';

/** Disks, workers, nodes and the farmer itself as text. */

export function renderStorage({ status, workers, queues, now }: View): string[] {
  const { capacityEstimate } = status.contracts;
  const { running, waiting } = queues.answers;
  return [
    'Storage and workers',
    ...formatFact('Capacity used', formatUsed(status.bytes)),
    ...status.disks.flatMap((disk) => renderDisk(disk, now)),
    ...formatFact(
      'Throughput',
      capacityEstimate === null ? 'not measured yet' : `enough for about ${formatCount(capacityEstimate)} contracts`,
    ),
    ...formatFact('Scrub', formatScrub(status, now)),
    ...formatFact('Repairs', formatRepairs(status)),
    ...formatFact('Workers', `${workers.busy} of ${workers.size} busy, ${formatCount(queues.chunks.waiting)} queued`),
    ...formatFact('Answers', `${formatCount(running)} in progress, ${formatCount(waiting)} queued`),
  ];
}

function renderDisk({ path, state, reason, since, bytes, freeBytes, sizeBytes }: DiskStatus, now: Instant): string[] {
  const space =
    freeBytes === null || sizeBytes === null
      ? 'free space unknown'
      : `${formatBytes(freeBytes)} free of ${formatBytes(sizeBytes)}`;
  const missing = freeBytes === null ? 0 : bytes.capacity - bytes.used - freeBytes;
  const problem = [
    formatLabel(state).toUpperCase(),
    reason !== null && `: ${reason}`,
    since !== null && `, began ${formatTime(Date.parse(since), now)}`,
  ];
  return [
    ...formatFact('Disk', path),
    ...formatFact('', `${formatUsed(bytes)} used, ${space}`),
    ...(state === 'ok' ? [] : formatFact('', problem.filter(Boolean).join(''))),
    ...(missing > 0
      ? formatFact(
          '',
          `TOO SMALL: ${formatBytes(missing)} less free space than the remaining capacity: free space, or reduce the capacity`,
        )
      : []),
  ];
}

function formatScrub({ scrub: { running, completedAt, results } }: Status, now: Instant): string {
  const damaged = results.corrupt + results.unreadable;
  const parts = [
    running && 'running',
    completedAt === null ? 'not completed yet' : `completed ${formatTime(Date.parse(completedAt), now)}`,
    damaged > 0 && `${formatCount(damaged)} damaged chunks found`,
  ];
  return parts.filter(Boolean).join(', ');
}

function formatRepairs({ repairs: { lost, rebuilt, rebuilding } }: Status): string {
  if (lost + rebuilding === 0) return 'none needed since the start';
  const now = rebuilding === 0 ? '' : `, ${formatCount(rebuilding)} BEING REBUILT`;
  return `since the start: ${formatCount(lost)} ${lost === 1 ? 'chunk' : 'chunks'} lost, ${formatCount(rebuilt)} rebuilt${now}`;
}

/** A smaller clock skew has no effect. */
const MIN_SHOWN_SKEW_SECONDS = 5;

export function renderNode(node: NodeStatus, { requests: byAlias, now }: View): string[] {
  const { alias, url, exitState, clockSkewSeconds: skew, farmerId, contracts, bytes, waiting } = node;
  const requests = byAlias.get(alias);
  const lastResponse = formatTime(requests?.lastResponseAt, now, 'never');
  return [
    ...wrap(`Node ${alias}`),
    ...formatFact('URL', url),
    ...formatFact('Connection', `${formatConnection(node, now)}, last response ${lastResponse}`),
    ...(exitState === 'active' ? [] : formatFact('Exit', exitState)),
    ...formatFact('Contracts', `${formatCount(contracts.total)}, ${formatUsed(bytes)}`),
    ...(waiting === null ? [] : formatFact('No new ones', waiting.explanation)),
    ...(requests === undefined ? [] : formatFact('Requests', formatRequests(requests, now))),
    ...(skew === null || Math.abs(skew) < MIN_SHOWN_SKEW_SECONDS
      ? []
      : formatFact(
          'Clock',
          `the node's clock is ${formatDuration(Math.abs(skew) * 1000)} ${skew > 0 ? 'ahead' : 'behind'}: check both clocks`,
        )),
    ...formatFact('Farmer ID', farmerId ?? 'no token yet'),
  ];
}

function formatConnection({ reachable, problem, circuitOpen, exitState }: NodeStatus, now: Instant): string {
  if (exitState === 'exited') return 'no longer used';
  if (problem === null) return reachable ? 'responding' : 'connecting';
  const label = reachable ? 'RESPONDING WITH ERRORS' : 'NOT RESPONDING';
  const pause = circuitOpen ? ', circuit breaker open' : '';
  return `${label} (${formatLabel(problem.code)}${pause}), began ${formatTime(Date.parse(problem.since), now)}`;
}

function formatRequests({ total, failed, lastFailure }: RequestSummary, now: Instant): string {
  const counts = `${formatCount(total)} since the start, ${formatCount(failed)} failed`;
  if (lastFailure === undefined) return counts;
  const { route, outcome, at } = lastFailure;
  return `${counts}; last failure: ${formatLabel(route)}, ${formatLabel(outcome)}, ${formatTime(at, now)}`;
}

export function renderFarmer({ status, startedAt, now }: View): string[] {
  return [
    'Farmer',
    ...formatFact('Payout address', status.address),
    ...formatFact('Version', formatBuild(status)),
    ...formatFact('Started', formatTime(startedAt, now)),
  ];
}

/** Formats an instant relative to now. */
export function formatTime(at: Instant | undefined, now: Instant, otherwise = ''): string {
  return at === undefined ? otherwise : formatRelative(at - now);
}
