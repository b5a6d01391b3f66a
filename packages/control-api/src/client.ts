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

/** Beyond what the server takes by itself. */
const TIMEOUT_MS = 10_000;
const INVALID_RESPONSE = 'the control API replied what this client does not understand';

/** What is sent with any operation. */
interface Message {
  readonly params?: Readonly<Record<string, string>>;
  readonly query?: Readonly<Record<string, string | number | undefined>>;
  readonly body?: unknown;
}

/**
 * A client of a mock node's control API. What it gives was checked; whatever goes wrong is a {@link ControlError}.
 */
export class ControlClient {
  readonly #base: string;
  readonly #headers: Readonly<Record<string, string>>;

  /** @param url where the control API is: `http://127.0.0.1:5001` */
  constructor(url: string | URL, { token }: { token?: string | undefined } = {}) {
    this.#base = String(url).replace(/\/+$/, '') + ADMIN_PREFIX;
    this.#headers = token === undefined ? {} : { Authorization: `Bearer ${token}` };
  }

  readonly info = () => this.#ask('info');
  /** Puts everything back to how it was at the start, or some of it. */
  readonly reset = (parts?: readonly ResetPart[]) => this.#ask('reset', { body: parts && { parts: [...parts] } });
  readonly config = () => this.#ask('config');
  readonly configure = (change: ConfigChange) => this.#ask('configure', { body: change });

  readonly faults = () => this.#ask('faults');
  readonly fault = (name: string) => this.#ask('fault', { params: { name } });
  readonly addFault = (fault: FaultInput) => this.#ask('addFault', { body: fault });
  readonly replaceFaults = (faults: readonly FaultInput[]) => this.#ask('replaceFaults', { body: [...faults] });
  /** `null` takes a bound away. */
  readonly changeFault = (name: string, change: FaultChangeInput) =>
    this.#ask('changeFault', { params: { name }, body: change });
  readonly restartFault = (name: string) => this.#ask('restartFault', { params: { name } });
  readonly removeFault = (name: string) => this.#ask('removeFault', { params: { name } });
  readonly removeFaults = () => this.#ask('removeFaults');

  readonly scenarios = () => this.#ask('scenarios');
  readonly scenario = (name: string) => this.#ask('scenario', { params: { name } });
  readonly defineScenario = (scenario: ScenarioInput) =>
    this.#ask('defineScenario', { params: { name: scenario.name }, body: scenario });
  readonly applyScenario = (name: string) => this.#ask('applyScenario', { params: { name } });

  /** Oldest first; of more than `limit` the newest. */
  readonly requests = (filter: JournalFilter & { limit?: number } = {}) => this.#ask('requests', { query: filter });
  readonly unmatchedRequests = () => this.#ask('unmatchedRequests');
  readonly clearRequests = () => this.#ask('clearRequests');
  async countRequests(filter: JournalFilter = {}): Promise<number> {
    return (await this.#ask('countRequests', { query: filter })).count;
  }
  /**
   * Waits until so many requests fit, those that are there already among them.
   *
   * @param timeoutMs at most 60 000
   * @returns how many there are
   * @throws ControlError `timeout`, which says how many there were
   */
  async waitForRequests(filter: JournalFilter = {}, { count = 1, timeoutMs = TIMEOUT_MS } = {}): Promise<number> {
    const asked = { query: { ...filter, count, timeoutMs } };
    return (await this.#ask('waitForRequests', asked, timeoutMs)).count;
  }

  readonly contracts = (filter: { farmer?: string; order?: 'accepted' | 'due'; limit?: number } = {}) =>
    this.#ask('contracts', { query: filter });
  readonly contract = (hash: string) => this.#ask('contract', { params: { hash } });
  readonly expireContract = (hash: string) => this.#ask('expireContract', { params: { hash } });
  readonly challengeContract = (hash: string) => this.#ask('challengeContract', { params: { hash } });

  readonly clock = () => this.#ask('clock');
  readonly setClock = (change: ClockChange) => this.#ask('setClock', { body: change });
  readonly advanceClock = (ms: number) => this.#ask('advanceClock', { body: { ms } });

  /**
   * What happens, as it happens. The first event tells the clock as it is: from then on nothing is missed.
   *
   * @param signal ends it
   * @throws ControlError where the stream breaks off
   */
  async *events({ signal }: { signal?: AbortSignal } = {}): AsyncGenerator<ControllerEvent, void> {
    try {
      const { body } = await this.#fetch(OPERATIONS.events, {}, signal);
      if (body !== null) for await (const data of parseEventStream(body)) yield controllerEvent.parse(JSON.parse(data));
    } catch (error) {
      if (signal?.aborted) return;
      throw error instanceof ControlError
        ? error
        : new ControlError('unreachable', 'the events broke off', {}, { cause: error });
    }
  }

  async #ask<Name extends OperationName>(
    name: Name,
    sent: Message & { body?: OperationBody<Name> } = {},
    serverMs = 0,
  ): Promise<OperationResult<Name>> {
    const { gives = z.undefined(), status }: Operation = OPERATIONS[name];
    const response = await this.#fetch(OPERATIONS[name], sent, AbortSignal.timeout(serverMs + TIMEOUT_MS));
    const parsed = gives.safeParse(await readJsonBody(response));
    // The table says that this schema gives what `OperationResult` says: the compiler can not follow it through a name.
    if (parsed.success) return parsed.data as OperationResult<Name>;
    throw new ControlError('invalid_response', INVALID_RESPONSE, { status }, { cause: parsed.error });
  }

  async #fetch({ method, path, status }: Operation, sent: Message, signal: AbortSignal | undefined): Promise<Response> {
    const url = new URL(
      this.#base + path.replace(/\{(\w+)\}/g, (_, key: string) => encodeURIComponent(sent.params?.[key] ?? '')),
    );
    for (const [key, value] of Object.entries(sent.query ?? {}))
      if (value !== undefined) url.searchParams.set(key, String(value));
    const body = sent.body === undefined ? {} : { body: JSON.stringify(sent.body) };
    const headers = { ...this.#headers, ...(sent.body !== undefined && { 'Content-Type': 'application/json' }) };
    const init = { method: method.toUpperCase(), headers, ...body, ...(signal && { signal }) };
    const response = await fetch(url, init).catch((error: unknown) => {
      throw unreachable(url, error);
    });
    if (response.status !== status) throw ControlError.of(response.status, await readJsonBody(response));
    return response;
  }
}

/** The body of a reply, from JSON; undefined where there is none, or something else. */
async function readJsonBody(response: Response): Promise<unknown> {
  const text = await response.text().catch((error: unknown) => {
    throw unreachable(new URL(response.url), error);
  });
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

function unreachable({ origin }: URL, cause: unknown): ControlError {
  return new ControlError('unreachable', `no reply from the control API at ${origin}`, {}, { cause });
}
