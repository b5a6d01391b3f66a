import { hash } from 'node:crypto';
import { randomio } from '@downstream/file-encryptor';
import { fileFromBytes, proveRequest } from '@downstream/heartbeat';
import type { Exchange } from '../../../test/support/v1-recordings.ts';

/** What a client observes: with values that must be equal, and the types of all others. */
interface Observation {
  readonly status: number;
  readonly mediaType: string | undefined;
  readonly content: unknown;
}

/** Values that a node must send exactly as recorded. All others depend on time or randomness. */
const EXACT: readonly string[] = [
  'message',
  'error',
  'status',
  'type',
  'file_hash',
  'answered',
  'index',
  'size',
  'filesz',
  'chunksz',
  'leaves',
  'check_fraction',
  'address',
  'location',
  'heartbeats',
  'contracts',
  'online',
];
/** Lists whose length depends on the number of challenges and on what the node has in stock. */
const VARIABLE: readonly string[] = ['nodes', 'chunks'];

function toShape(value: unknown, name = ''): unknown {
  if (EXACT.includes(name)) return value;
  // Their order by id depends on the tokens.
  if (name === 'farmers' && Array.isArray(value))
    return value.sort((a, b) => a.heartbeats - b.heartbeats).map((each) => toShape(each));
  if (Array.isArray(value)) {
    const shapes = value.map((each) => toShape(each));
    return VARIABLE.includes(name) ? shapes.slice(0, 1) : shapes;
  }
  if (typeof value !== 'object' || value === null) return value === null ? null : typeof value;
  return Object.fromEntries(Object.entries(value).map(([key, each]) => [key, toShape(each, key)]));
}

function observe(status: number, contentType: string | null, content: unknown): Observation {
  const mediaType = contentType?.split(';')[0];
  return { status, mediaType, content: mediaType === 'application/json' ? toShape(content) : content };
}

function toFarmerId(token: string): string {
  return hash('sha256', Buffer.from(token, 'hex')).slice(0, 20);
}

interface Issued {
  readonly seed: string;
  readonly size: number;
  readonly tag: unknown;
  readonly challenges: unknown[];
}

interface Replacement {
  readonly recorded: string;
  readonly own: string;
}

/**
 * Sends recorded requests to another node. Tokens and farmer ids become those that this node issued; a proof becomes
 * one for the chunk that this node issued, with the recorded mistakes.
 */
export class Replay {
  readonly #url: string;
  readonly #replacements: Replacement[] = [];
  readonly #issued = new Map<unknown, Issued>();
  #heartbeat: { type: string; heartbeat: unknown } = { type: '', heartbeat: undefined };

  constructor(url: string) {
    this.#url = url;
  }

  /** @returns the recorded and the own observation */
  async send({ request, response }: Exchange): Promise<{ recorded: Observation; own: Observation }> {
    const { method, headers, body } = request;
    const reply = await fetch(this.#url + this.#replace(request.path), {
      method,
      headers,
      ...(body !== null && { body: this.#createBody(body) }),
    });
    const text = await reply.text();
    const isJson = reply.headers.get('content-type')?.startsWith('application/json') === true;
    const json = isJson ? JSON.parse(text) : undefined;
    if (reply.ok && isJson) this.#learn(response.json, json);
    return {
      recorded: observe(response.status, response.contentType, response.json ?? response.text),
      own: observe(reply.status, reply.headers.get('content-type'), json ?? text),
    };
  }

  #replace(text: string): string {
    return this.#replacements.reduce((result, { recorded, own }) => result.replaceAll(recorded, own), text);
  }

  // biome-ignore lint/suspicious/noExplicitAny: an independent client does not know the types of responses.
  #learn(recorded: any, own: any): void {
    if (typeof own.token === 'string') {
      this.#replacements.push({ recorded: recorded.token, own: own.token });
      this.#replacements.push({ recorded: toFarmerId(recorded.token), own: toFarmerId(own.token) });
      this.#heartbeat = own;
    }
    for (const { file_hash: id, challenge, seed, size, tag } of own.chunks ?? []) {
      this.#issued.set(id, { seed, size, tag, challenges: [challenge] });
    }
    for (const { file_hash: id, challenge, answered } of own.challenges ?? []) {
      const known = this.#issued.get(id)?.challenges;
      if (answered === false && JSON.stringify(known?.at(-1)) !== JSON.stringify(challenge)) known?.push(challenge);
    }
  }

  #createBody(body: string): string {
    if (!body.startsWith('{"proofs"')) return body;
    const { proofs } = JSON.parse(body);
    return JSON.stringify({ proofs: proofs.map((each: Recorded) => this.#createProof(each)) });
  }

  #createProof(recorded: Recorded): unknown {
    const { proof } = recorded;
    if (proof === undefined || (typeof proof === 'object' && proof.branch === undefined)) return recorded;
    const issued = this.#issued.get(recorded.file_hash) ?? this.#issued.get(2);
    if (issued === undefined) throw new Error('no chunk was issued');
    const { seed, size, tag, challenges } = issued;
    const leaf = typeof proof === 'object' ? proof.leaf : undefined;
    const challenge = challenges[leaf?.index ?? -1] ?? challenges.at(-1);
    const chunk = Buffer.concat([...randomio(seed, size)]);
    const own = proveRequest({ ...this.#heartbeat, tag, challenge }, fileFromBytes(chunk)).proof;
    return { ...recorded, proof: leaf === undefined ? own : addMistakes(own as MerkleJson, leaf) };
  }
}

interface MerkleJson {
  readonly leaf: { readonly index: number; readonly blob: string };
  readonly branch?: unknown;
}

interface Recorded {
  readonly file_hash?: unknown;
  readonly proof?: MerkleJson | string;
}

function addMistakes(own: MerkleJson, { index, blob }: MerkleJson['leaf']): MerkleJson {
  return { ...own, leaf: { index, blob: /^A+=$/.test(blob) ? blob : own.leaf.blob } };
}
