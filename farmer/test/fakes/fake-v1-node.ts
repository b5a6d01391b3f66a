import type { FakeClock } from '@downstream/platform/testing';
import type { ContractId, NodeReference } from '../../src/contract/contract.ts';
import { NodeError } from '../../src/farming/errors.ts';
import type {
  Answer,
  Listing,
  ListingOptions,
  NodeClockPort,
  NodePort,
  Offer,
  Verdict,
} from '../../src/farming/ports.ts';
import { INTERVAL_MS, makeId } from './builders.ts';

interface FakeContract {
  startedAt: number;
  /** The number of the current challenge. */
  round: number;
  isAnswered: boolean;
}

/** What a fake node of the v1 API does wrong, while it is set. */
class FakeV1Faults {
  isDown = false;
  rejectsToken = false;
  /** Forgets the token and the contracts when the next answers arrive. */
  forgetsTokenOnAnswer = false;
  /** Processes this many requests with answers without a response. */
  lostResponses = 0;
  /** Rejects this many answers. */
  rejectedAnswers = 0;
  /** Sends challenges that it does not verify in this many listings. */
  wrongChallenges = 0;
  /** Leaves this many answers out of the report. */
  omittedAnswers = 0;
  /** Reports that it does not know any contract. */
  forgetsContracts = false;
  /** Reports running contracts as `completed`, or their challenges as `answered`, in this many listings. */
  falseReports: { readonly report: 'completed' | 'answered'; count: number } | undefined;
}

/** A node of the v1 API in memory. A challenge is requested, and a contract that misses one has expired. */
export class FakeV1Node implements NodePort, NodeClockPort {
  readonly traits = { listsAll: false, maxBatch: 100, canRelease: false, chunkSizesVary: true };
  readonly ahead = undefined;
  readonly clock: FakeClock;
  readonly faults = new FakeV1Faults();
  supply = 0;
  intervalMs = INTERVAL_MS;
  challengeCount = Number.POSITIVE_INFINITY;
  tag = 'tag';
  token: string | undefined;
  registrations = 0;
  readonly contracts = new Map<NodeReference, FakeContract>();
  /** Contracts that missed a challenge. */
  readonly expired = new Set<NodeReference>();
  /** How many contracts each listing was requested for. */
  readonly asked: number[] = [];
  /** How many answers each request contained. */
  readonly answered: number[] = [];
  /** How long the response to a request with answers takes. */
  answerMs = 0;
  /** Requests with answers that arrived during another one. */
  overlapping = 0;
  #answering = 0;
  /** Answers that were sent again after they had passed. */
  repeated = 0;
  #issued = 0;

  constructor(clock: FakeClock) {
    this.clock = clock;
  }

  async register(): Promise<string> {
    this.#check('v1_new');
    this.registrations += 1;
    this.token = `token${this.registrations}`;
    return this.token;
  }

  async requestContracts(token: string, { maxBytes }: { maxBytes: number }): Promise<Offer[]> {
    this.#check('v1_chunk', token);
    const count = Math.min(10, this.supply - this.contracts.size, maxBytes);
    return Array.from({ length: Math.max(0, count) }, () => this.#offer());
  }

  async listContracts(token: string, { asked = [] }: ListingOptions = {}): Promise<Listing> {
    this.#check('v1_challenge', token);
    this.asked.push(asked.length);
    const held = new Set<ContractId>();
    const open = new Map<ContractId, string>();
    const dueInMs = new Map<ContractId, number>();
    const completed = new Set<ContractId>();
    const expired = new Set<ContractId>();
    const isWrong = asked.length > 0 && this.faults.wrongChallenges > 0;
    if (isWrong) this.faults.wrongChallenges -= 1;
    const falseReport = asked.length === 0 ? undefined : this.#takeFalseReport();
    for (const { id, reference } of asked) {
      const contract = this.#find(reference);
      if (contract === undefined) {
        if (this.expired.has(reference)) expired.add(id);
        continue;
      }
      if (contract.isAnswered && this.clock.now() >= this.#dueAt(contract)) {
        contract.round += 1;
        contract.isAnswered = false;
      }
      if (contract.round >= this.challengeCount || falseReport === 'completed') completed.add(id);
      else {
        held.add(id);
        dueInMs.set(id, this.#dueAt(contract) - this.clock.now());
        if (!contract.isAnswered && falseReport === undefined)
          open.set(id, `${reference}.${isWrong ? 'wrong' : contract.round}`);
      }
    }
    const skipped = { invalid_contract: 0, invalid_challenge: 0, surplus: 0 };
    return { held, open, dueInMs, completed, expired, skipped };
  }

  #takeFalseReport(): 'completed' | 'answered' | undefined {
    const { falseReports } = this.faults;
    if (falseReports === undefined || falseReports.count === 0) return undefined;
    falseReports.count -= 1;
    return falseReports.report;
  }

  async answer(token: string, answers: readonly Answer[]): Promise<Verdict[]> {
    if (this.faults.forgetsTokenOnAnswer) {
      this.faults.forgetsTokenOnAnswer = false;
      this.token = undefined;
      this.contracts.clear();
    }
    this.#check('v1_answer', token);
    this.answered.push(answers.length);
    const verdicts = answers.map((answer) => this.#verify(answer));
    if (this.#answering > 0) this.overlapping += 1;
    this.#answering += 1;
    await this.clock.sleep(this.answerMs);
    this.#answering -= 1;
    if (this.faults.lostResponses > 0) {
      this.faults.lostResponses -= 1;
      throw new NodeError('unreachable', 'v1_answer', 'response lost');
    }
    return verdicts;
  }

  async release(): Promise<void> {
    throw new Error('the API has no releases');
  }

  #offer(): Offer {
    this.#issued += 1;
    const number = this.#issued;
    this.contracts.set(number, { startedAt: this.clock.now(), round: 0, isAnswered: false });
    return {
      id: makeId(number),
      reference: number,
      source: { kind: 'seed', seed: `seed${number}` },
      sizeBytes: 1,
      challenge: `${number}.0`,
      intervalMs: this.intervalMs,
      tag: { scheme: 'Merkle', heartbeat: {}, tag: this.tag },
    };
  }

  #verify({ id, reference, response }: Answer): Verdict {
    const { faults } = this;
    const contract = this.#find(reference);
    if (contract === undefined || this.clock.now() > this.#dueAt(contract)) return 'ended';
    if (faults.omittedAnswers > 0) {
      faults.omittedAnswers -= 1;
      return 'unknown';
    }
    if (faults.rejectedAnswers > 0 || response !== `${id}:${reference}.${contract.round}`) {
      faults.rejectedAnswers -= 1;
      return 'rejected';
    }
    if (contract.isAnswered) this.repeated += 1;
    contract.isAnswered = true;
    return 'passed';
  }

  /** A contract lives until its deadline, or one interval longer if it was answered. */
  #find(reference: NodeReference): FakeContract | undefined {
    const contract = this.contracts.get(reference);
    if (contract === undefined || this.faults.forgetsContracts) return undefined;
    const end = this.#dueAt(contract) + (contract.isAnswered ? this.intervalMs : 0);
    if (this.clock.now() < end) return contract;
    this.contracts.delete(reference);
    this.expired.add(reference);
    return undefined;
  }

  #dueAt({ startedAt, round }: FakeContract): number {
    return startedAt + (round + 1) * this.intervalMs;
  }

  #check(route: string, token?: string): void {
    if (this.faults.isDown) throw new NodeError('unreachable', route, 'down');
    const isRejected = token !== undefined && (token !== this.token || this.faults.rejectsToken);
    if (isRejected) throw new NodeError('no_token', route, 'unknown token');
  }
}
