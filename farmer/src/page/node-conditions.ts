import type { Instant } from '@downstream/platform';
import type { NodeErrorCode } from '../farming/errors.ts';
import { isResponding } from '../farming/node-problem.ts';
import type { ExitState } from '../farming/ports.ts';
import type { OverallStatus } from './condition.ts';

/** The conditions of nodes. Each function returns undefined if its own do not apply. */

interface NodeEvidence {
  readonly alias: string;
  /** Whether the node responded to the last request, even if not as expected. */
  readonly reachable: boolean;
  /** Why the node returns no token or no listing. `since`: for people. */
  readonly problem: { readonly code: NodeErrorCode; readonly since: string } | null;
  readonly hasToken: boolean;
  readonly tokenRejected: boolean;
  readonly exitState: ExitState;
  /** Why it gets no contracts at present. */
  readonly waiting: { readonly explanation: string } | null;
}

export interface NodesEvidence {
  readonly now: Instant;
  readonly startedAt: Instant;
  readonly nodes: readonly NodeEvidence[];
  /** Failed requests to all nodes since the start. */
  readonly requestsFailed: number;
  readonly contracts: { readonly total: number };
}

const NAMES = new Intl.ListFormat('en');
/** A node that has not responded by then is unreachable. */
const STARTUP_GRACE_MS = 10_000;

export function checkTokens({ nodes }: NodesEvidence): OverallStatus | undefined {
  const aliases = nodes.filter(({ tokenRejected }) => tokenRejected).map(({ alias }) => alias);
  if (aliases.length === 0) return undefined;
  const verb = aliases.length === 1 ? 'does' : 'do';
  return {
    label: 'Token rejected',
    severity: 'critical',
    explanation: `${NAMES.format(aliases)} ${verb} not recognize this farmer's token. If this continues for one interval (at most a minute), the farmer drops the contracts and deletes their chunks. If the node is being restored, stop this farmer now.`,
  };
}

const PROBLEMS: Readonly<Record<NodeErrorCode, string>> = {
  unreachable: 'no connection',
  timeout: 'no response in time',
  circuit_open: 'requests are paused after repeated failures',
  invalid_response: 'a response that is not of a node',
  http_error: 'an HTTP error',
  rejected: 'requests are rejected',
  no_token: 'unknown token',
  no_hash: 'unknown contract',
};

function formatProblem({ problem }: NodeEvidence): string {
  return problem === null ? 'no response yet' : `${PROBLEMS[problem.code]} ${problem.since}`;
}

function isWorking({ reachable, problem }: NodeEvidence): boolean {
  return reachable && problem === null;
}

function respondsWithErrors({ problem }: NodeEvidence): boolean {
  return problem !== null && isResponding(problem);
}

const OUTAGE = 'Challenges due during the outage will fail.';
const ERRORS_REMEDY =
  "Something else may respond in its place, such as a proxy: check the node's URL and what responds there, then contact its operator.";

export function checkAllNodes({
  now,
  startedAt,
  nodes: all,
  requestsFailed,
}: NodesEvidence): OverallStatus | undefined {
  const nodes = all.filter(({ exitState }) => exitState !== 'exited');
  if (nodes.length === 0 || nodes.some(isWorking)) return undefined;
  if (requestsFailed === 0 && now - startedAt < STARTUP_GRACE_MS) {
    return { label: 'Starting', severity: 'info', explanation: 'Connecting to the node.' };
  }
  const problems = nodes.map((node) => (all.length === 1 ? '' : `${node.alias}: `) + formatProblem(node)).join('; ');
  const areResponding = nodes.every(respondsWithErrors);
  if (nodes.every(({ hasToken }) => !hasToken)) {
    return {
      label: 'Waiting for token',
      severity: 'warning',
      explanation: `No token was issued (${problems}). ${areResponding ? "Check the payout address and the node's URL, then contact its operator." : "Check the node's URL and the network."}`,
    };
  }
  return areResponding
    ? {
        label: 'Node errors',
        severity: 'critical',
        explanation: `The node responds, but not as expected (${problems}). ${OUTAGE} ${ERRORS_REMEDY}`,
      }
    : {
        label: 'Node unreachable',
        severity: 'critical',
        explanation: `The node does not respond (${problems}). ${OUTAGE} Check the network, then the node.`,
      };
}

export function checkExit({ nodes, contracts }: NodesEvidence): OverallStatus | undefined {
  if (nodes.every(({ exitState }) => exitState === 'exited')) {
    return {
      label: 'Exited',
      severity: 'ok',
      explanation: 'All contracts have been released. You can stop this farmer and delete its data.',
    };
  }
  if (nodes.every(({ exitState }) => exitState !== 'active')) {
    return {
      label: 'Exiting',
      severity: 'info',
      explanation: `Contracts are being released as requested. ${contracts.total} remain; their chunks are proved until then.`,
    };
  }
  return undefined;
}

export function checkEachNode({ nodes }: NodesEvidence): OverallStatus | undefined {
  const failing = nodes.filter((node) => !isWorking(node) && node.exitState !== 'exited');
  if (failing.length === 0) return undefined;
  const names = NAMES.format(failing.map((node) => `${node.alias} (${formatProblem(node)})`));
  const share = `${failing.length} of ${nodes.length} nodes`;
  const effect = 'Challenges due there during the outage will fail; other nodes are not affected.';
  return failing.every(respondsWithErrors)
    ? {
        label: 'Node errors',
        severity: 'warning',
        explanation: `Not as expected, ${share}: ${names}. ${effect} ${ERRORS_REMEDY}`,
      }
    : {
        label: 'Some nodes unreachable',
        severity: 'warning',
        explanation: `No listing from ${share}: ${names}. ${effect} Check the network, then the node.`,
      };
}
