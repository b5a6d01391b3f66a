import { createCipheriv, createHash, createHmac } from 'node:crypto';
import { Agent, get } from 'node:http';

const API = '/api/downstream';
const ADDRESS = '19qVgG8C6eXwKMMyvVegsi3xCsKyk3Z3jV';
const COUNTER_FROM_ONE = Buffer.from('00000000000000000000000000000001', 'hex');

/** A challenge and the hash of its contract. */
export interface Challenge {
  readonly hash: string;
  readonly challenge: string;
}

export interface Answered {
  readonly passed: boolean;
  /** From the request to the end of the response. */
  readonly responseMs: number;
}

/**
 * A farmer that does as little as possible per request. It keeps connections open, and stores secrets instead of chunk
 * files: it generates the chunk for each answer. It shares no code with the node or the farmer.
 */
export class MinimalFarmer {
  readonly #agent: Agent;
  readonly #url: string;
  readonly #genesis: { readonly bytes: Buffer; readonly sha256: string };
  readonly #secrets = new Map<string, string>();
  #token = '';

  /** @param connections the maximum number of connections */
  constructor(url: string, { genesis, connections }: { genesis: Buffer; connections: number }) {
    this.#url = url;
    this.#genesis = { bytes: genesis, sha256: createHash('sha256').update(genesis).digest('hex') };
    this.#agent = new Agent({ keepAlive: true, maxSockets: connections });
  }

  async register(): Promise<void> {
    this.#token = (await this.#get<{ token: string }>(`new/${ADDRESS}`)).token;
  }

  /** Accepts a contract. @returns its first challenge */
  async acceptContract(): Promise<Challenge> {
    const path = `chunk/${this.#token}`;
    const { secret, file_hash, challenge } =
      await this.#get<Record<'secret' | 'file_hash' | 'challenge', string>>(path);
    if (secret === undefined) throw new Error('the node offered no contract');
    this.#secrets.set(file_hash, secret);
    return { hash: file_hash, challenge };
  }

  async listDueChallenges(): Promise<Challenge[]> {
    return (await this.#get<{ due_contracts: Challenge[] }>(`due/${this.#token}`)).due_contracts;
  }

  async answer({ hash, challenge }: Challenge): Promise<Answered> {
    const response = this.#computeResponse(hash, challenge);
    const start = performance.now();
    const { status } = await this.#get<{ status: string }>(`challenge/${this.#token}/${hash}/${response}`);
    return { passed: status === 'pass', responseMs: performance.now() - start };
  }

  close(): void {
    this.#agent.destroy();
  }

  #computeResponse(hash: string, challenge: string): string {
    const { bytes, sha256 } = this.#genesis;
    const key = createHmac('sha256', this.#secrets.get(hash) ?? '')
      .update(sha256)
      .digest();
    const chunk = createCipheriv('aes-256-ctr', key, COUNTER_FROM_ONE).update(bytes);
    return createHash('sha256').update(chunk).update(challenge).digest('hex');
  }

  async #get<Response>(path: string): Promise<Response> {
    return await new Promise((resolve, reject) => {
      const request = get(`${this.#url}${API}/${path}`, { agent: this.#agent }, (response) => {
        const parts: Buffer[] = [];
        response.on('data', (part: Buffer) => parts.push(part));
        response.on('end', () => resolve(JSON.parse(Buffer.concat(parts).toString())));
        response.on('error', reject);
      });
      request.on('error', (error: NodeJS.ErrnoException) => {
        // The node closed the idle connection at this very moment.
        if (request.reusedSocket && error.code === 'ECONNRESET') resolve(this.#get(path));
        else reject(error);
      });
    });
  }
}
