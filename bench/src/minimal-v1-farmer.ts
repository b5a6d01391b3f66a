import { createHmac } from 'node:crypto';
import { Agent, request as httpRequest } from 'node:http';
import { randomio } from '@downstream/file-encryptor';
import { evaluateKeyedPrf } from '@downstream/heartbeat';

const API = '/api/downstream/v1';
const ADDRESS = '19qVgG8C6eXwKMMyvVegsi3xCsKyk3Z3jV';

interface Offer {
  readonly file_hash: number;
  readonly seed: string;
  readonly size: number;
  readonly challenge: Challenge['challenge'];
  readonly tag: {
    readonly tree: { readonly nodes: readonly string[]; readonly order: number };
    readonly chunksz: number;
  };
}

/** What the farmer keeps of a contract. */
interface Contract {
  readonly seed: string;
  readonly size: number;
  readonly sampleBytes: number;
  /** JSON of the branches of the first leaves. */
  readonly branches: readonly string[];
}

/** An entry of the response to a request for challenges. */
export interface Challenge {
  readonly file_hash: number;
  readonly challenge: { readonly seed: string; readonly index: number };
}

/**
 * A farmer of the v1 API with the Merkle scheme that does as little as possible. It stores neither chunks nor tags, but
 * only the branches of the first leaves, and generates the chunk for each proof.
 */
export class MinimalV1Farmer {
  readonly #agent = new Agent({ keepAlive: true, maxSockets: 1 });
  readonly #url: string;
  /** The number of challenges of a contract that the farmer can answer. */
  readonly #challenges: number;
  readonly #contracts = new Map<number, Contract>();
  #token = '';

  constructor(url: string, { challenges }: { challenges: number }) {
    this.#url = url;
    this.#challenges = challenges;
  }

  get ids(): number[] {
    return [...this.#contracts.keys()];
  }

  async register(): Promise<void> {
    this.#token = (await this.#send<{ token: string }>('GET', `new/${ADDRESS}`)).token;
  }

  /** Accepts contracts whose chunks have `bytes` together. @returns their challenges */
  async acceptContracts(bytes: number): Promise<Challenge[]> {
    const { chunks } = await this.#send<{ chunks: readonly Offer[] }>('GET', `chunk/${this.#token}/${bytes}`);
    return chunks.map(({ file_hash, challenge, seed, size, tag }) => {
      const branches = Array.from({ length: this.#challenges }, (_, leaf) => JSON.stringify(getBranch(tag.tree, leaf)));
      this.#contracts.set(file_hash, { seed, size, sampleBytes: tag.chunksz, branches });
      return { file_hash, challenge };
    });
  }

  async requestChallenges(hashes: readonly number[]): Promise<readonly Challenge[]> {
    const path = `challenge/${this.#token}`;
    return (await this.#send<{ challenges: readonly Challenge[] }>('POST', path, JSON.stringify({ hashes })))
      .challenges;
  }

  /** The JSON of a request with the proofs. */
  prove(challenges: readonly Challenge[]): string {
    return `{"proofs":[${challenges.map((each) => this.#prove(each)).join(',')}]}`;
  }

  /** @returns the number of proofs that the node accepted */
  async answer(body: string): Promise<number> {
    const { report } = await this.#send<{ report: readonly { status?: string }[] }>(
      'POST',
      `answer/${this.#token}`,
      body,
    );
    return report.filter(({ status }) => status === 'ok').length;
  }

  close(): void {
    this.#agent.destroy();
  }

  #prove({ file_hash: id, challenge }: Challenge): string {
    const contract = this.#contracts.get(id);
    if (contract === undefined) throw new Error(`no contract ${id}`);
    const { seed, size, sampleBytes, branches } = contract;
    const key = Buffer.from(challenge.seed, 'base64');
    const start = Number(evaluateKeyedPrf(key, BigInt(size - sampleBytes + 1), 0));
    const chunk = Buffer.concat([...randomio(seed, start + sampleBytes)]);
    const blob = createHmac('sha256', key).update(chunk.subarray(start)).digest('base64');
    const leaf = JSON.stringify({ index: challenge.index, blob });
    return `{"file_hash":${id},"proof":{"leaf":${leaf},"branch":{"rows":${branches[challenge.index]}}}}`;
  }

  async #send<Response>(method: string, path: string, body = ''): Promise<Response> {
    return await new Promise((resolve, reject) => {
      const request = httpRequest(`${this.#url}${API}/${path}`, { agent: this.#agent, method }, (response) => {
        const parts: Buffer[] = [];
        response.on('data', (part: Buffer) => parts.push(part));
        response.on('end', () => resolve(JSON.parse(Buffer.concat(parts).toString())));
        response.on('error', reject);
      });
      request.on('error', reject);
      request.end(body);
    });
  }
}

/** The pairs of nodes from a leaf to below the root. */
function getBranch({ nodes, order }: Offer['tag']['tree'], leaf: number): [string, string][] {
  return Array.from({ length: order }, (_, row) => {
    const left = 2 ** (order - row) - 1 + 2 * Math.floor(leaf / 2 ** (row + 1));
    return [nodes[left] ?? '', nodes[left + 1] ?? ''];
  });
}
