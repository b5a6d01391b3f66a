import type { Instant } from '@downstream/platform';
import { NODE_ERROR_CODES, NodeError, type NodeErrorCode } from './errors.ts';

/** Why the requests that a node's contracts depend on fail. */
export interface NodeProblem {
  /** The code of the latest failure. */
  readonly code: NodeErrorCode;
  /** When the first of the failed requests was sent. No request has succeeded since. */
  readonly since: Instant;
  /** The number of failed requests. */
  readonly failures: number;
}

const NO_RESPONSE: readonly NodeErrorCode[] = ['unreachable', 'timeout', 'circuit_open'];

/** Whether the node responds, although with errors or off protocol. */
export function isResponding({ code }: Pick<NodeProblem, 'code'>): boolean {
  return !NO_RESPONSE.includes(code);
}

/** Records consecutive failures of one kind of request. */
export class NodeProblemRecorder {
  #problem: NodeProblem | undefined;

  /** Undefined if the latest request succeeded. */
  get current(): NodeProblem | undefined {
    return this.#problem;
  }

  recordFailure(error: unknown, sentAt: Instant): NodeProblem {
    const { since = sentAt, failures = 0 } = this.#problem ?? {};
    this.#problem = { code: findCode(error), since, failures: failures + 1 };
    return this.#problem;
  }

  /** @returns the problem that is over */
  recordSuccess(): NodeProblem | undefined {
    const ended = this.#problem;
    this.#problem = undefined;
    return ended;
  }
}

/** If nothing was sent because the circuit breaker is open, the problem is what opened it. */
function findCode(error: unknown): NodeErrorCode {
  if (!(error instanceof NodeError)) return 'unreachable';
  const { code, details } = error;
  return (code === 'circuit_open' && NODE_ERROR_CODES.find((one) => one === details['cause'])) || code;
}
