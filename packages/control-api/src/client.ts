import { z } from 'zod';
import type { ConfigChange } from './config.ts';
import { ControlError } from './control-error.ts';
import { parseEventStream } from './event-stream.ts';
import type { FaultChangeInput, FaultInput } from './faults.ts';
import {
  ADMIN_PREFIX,
  OPERATIONS,
  type Operation,
  type OperationBody,
  type OperationName,
  type OperationResult,
} from './operations.ts';
import type { ScenarioInput } from './scenarios.ts';
import {
  type ClockChange,
  type ControllerEvent,
  controllerEvent,
  type JournalFilter,
  type ResetPart,
} from './views.ts';

/** Added to the time that an operation may wait on the server. */
const TIMEOUT_MS = 10_000;

interface OperationRequest {
  readonly params?: Readonly<Record<string, string>>;
  readonly query?: Readonly<Record<string, string | number | undefined>>;
  readonly body?: unknown;
}

/** A client of a mock node's control API. It validates responses, and throws a {@link ControlError} if a call fails. */
export class ControlClient {
  readonly #base: string;
  readonly #headers: Readonly<Record<string, string>>;

  /** @param url the address of the control API, such as `http://127.0.0.1:5001` */
  constructor(url: string | URL, { token }: { token?: string | undefined } = {}) {
    this.#base = String(url).replace(/\/+$/, '') + ADMIN_PREFIX;
    this.#headers = token === undefined ? {} : { Authorization: `Bearer ${token}` };
  }

  readonly getInfo = () => this.#call('getInfo');
  /** Restores the initial state of the node, or only the given parts. */
  readonly reset = (parts?: readonly ResetPart[]) => this.#call('reset', { body: parts && { parts: [...parts] } });
  readonly getConfig = () => this.#call('getConfig');
  readonly updateConfig = (change: ConfigChange) => this.#call('updateConfig', { body: change });

  readonly listFaults = () => this.#call('listFaults');
  readonly getFault = (name: string) => this.#call('getFault', { params: { name } });
  readonly addFault = (fault: FaultInput) => this.#call('addFault', { body: fault });
  readonly replaceFaults = (faults: readonly FaultInput[]) => this.#call('replaceFaults', { body: [...faults] });
  /** `null` removes a limit. */
  readonly updateFault = (name: string, change: FaultChangeInput) =>
    this.#call('updateFault', { params: { name }, body: change });
  readonly restartFault = (name: string) => this.#call('restartFault', { params: { name } });
  readonly removeFault = (name: string) => this.#call('removeFault', { params: { name } });
  readonly removeFaults = () => this.#call('removeFaults');

  readonly listScenarios = () => this.#call('listScenarios');
  readonly getScenario = (name: string) => this.#call('getScenario', { params: { name } });
  readonly defineScenario = (scenario: ScenarioInput) =>
    this.#call('defineScenario', { params: { name: scenario.name }, body: scenario });
  readonly applyScenario = (name: string) => this.#call('applyScenario', { params: { name } });

  /** The latest `limit` matching requests, oldest first. */
  readonly listRequests = (filter: JournalFilter & { limit?: number } = {}) =>
    this.#call('listRequests', { query: filter });
  readonly listUnmatchedRequests = () => this.#call('listUnmatchedRequests');
  readonly clearRequests = () => this.#call('clearRequests');
  async countRequests(filter: JournalFilter = {}): Promise<number> {
    return (await this.#call('countRequests', { query: filter })).count;
  }
  /**
   * Waits until `count` requests match, including those already in the journal.
   *
   * @param timeoutMs at most 60 000
   * @returns the number of matching requests
   * @throws ControlError `timeout`, whose `count` is the number of matching requests
   */
  async waitForRequests(filter: JournalFilter = {}, { count = 1, timeoutMs = TIMEOUT_MS } = {}): Promise<number> {
    const request = { query: { ...filter, count, timeoutMs } };
    return (await this.#call('waitForRequests', request, timeoutMs)).count;
  }

  readonly listContracts = (filter: { farmer?: string; order?: 'accepted' | 'due'; limit?: number } = {}) =>
    this.#call('listContracts', { query: filter });
  readonly getContract = (hash: string) => this.#call('getContract', { params: { hash } });
  readonly expireContract = (hash: string) => this.#call('expireContract', { params: { hash } });
  readonly challengeContract = (hash: string) => this.#call('challengeContract', { params: { hash } });

  readonly getClock = () => this.#call('getClock');
  readonly setClock = (change: ClockChange) => this.#call('setClock', { body: change });
  readonly advanceClock = (ms: number) => this.#call('advanceClock', { body: { ms } });

  /**
   * The node's events. The first one is the clock: no event after it is missed.
   *
   * @param signal ends the stream
   * @throws ControlError if the connection breaks
   */
  async *streamEvents({ signal }: { signal?: AbortSignal } = {}): AsyncGenerator<ControllerEvent, void> {
    try {
      const { body } = await this.#fetch(OPERATIONS.streamEvents, {}, signal);
      if (body !== null) for await (const data of parseEventStream(body)) yield controllerEvent.parse(JSON.parse(data));
    } catch (error) {
      if (signal?.aborted) return;
      throw error instanceof ControlError
        ? error
        : new ControlError('unreachable', 'the event stream broke', {}, { cause: error });
    }
  }

  async #call<Name extends OperationName>(
    name: Name,
    request: OperationRequest & { body?: OperationBody<Name> } = {},
    serverMs = 0,
  ): Promise<OperationResult<Name>> {
    const { response: schema = z.undefined(), status }: Operation = OPERATIONS[name];
    const response = await this.#fetch(OPERATIONS[name], request, AbortSignal.timeout(serverMs + TIMEOUT_MS));
    const parsed = schema.safeParse(await readJson(response));
    // `OperationResult` derives from the same table, which the compiler cannot follow through a name.
    if (parsed.success) return parsed.data as OperationResult<Name>;
    throw new ControlError(
      'invalid_response',
      'the response does not match the schema of the control API: check the URL and the versions',
      { status },
      { cause: parsed.error },
    );
  }

  async #fetch(
    { method, path, status }: Operation,
    { params, query = {}, body }: OperationRequest,
    signal: AbortSignal | undefined,
  ): Promise<Response> {
    const url = new URL(
      this.#base + path.replace(/\{(\w+)\}/g, (_, key: string) => encodeURIComponent(params?.[key] ?? '')),
    );
    for (const [key, value] of Object.entries(query)) if (value !== undefined) url.searchParams.set(key, String(value));
    const headers = { ...this.#headers, ...(body !== undefined && { 'Content-Type': 'application/json' }) };
    const response = await fetch(url, {
      method: method.toUpperCase(),
      headers,
      ...(body !== undefined && { body: JSON.stringify(body) }),
      ...(signal && { signal }),
    }).catch((error: unknown) => {
      throw createUnreachableError(url, error);
    });
    if (response.status !== status) throw ControlError.fromResponse(response.status, await readJson(response));
    return response;
  }
}

async function readJson(response: Response): Promise<unknown> {
  const text = await response.text().catch((error: unknown) => {
    throw createUnreachableError(new URL(response.url), error);
  });
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

function createUnreachableError({ origin }: URL, cause: unknown): ControlError {
  return new ControlError('unreachable', `no response from the control API at ${origin}`, {}, { cause });
}
