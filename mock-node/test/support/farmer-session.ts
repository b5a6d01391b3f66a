import { ADDRESS, API, createChunk, INTERVAL_MS, sha256 } from './mock-node.ts';

/** The result of a request: what to compare, and the JSON of its response. */
export interface Outcome {
  readonly seen: unknown;
  // biome-ignore lint/suspicious/noExplicitAny: an independent client does not know the types of responses.
  readonly json: any;
}

/** The parsed text; undefined if it is not JSON. */
export function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

interface Farmer {
  token: string | undefined;
  readonly secrets: Map<string, string>;
}

/**
 * Two farmers that send one request after the other for some rounds of half an interval each: they register, accept
 * contracts, answer challenges, download and remove. Each request depends on earlier responses, which may be invalid.
 *
 * @param after called after each round
 * @returns the results in order
 */
export async function runSession(
  send: (path: string) => Promise<Outcome>,
  { rounds, after }: { rounds: number; after: (passedMs: number) => void },
): Promise<unknown[]> {
  const log: unknown[] = [];
  const ask = async (path: string) => {
    const { seen, json } = await send(path);
    log.push(seen);
    return json;
  };
  const farmers: Farmer[] = [1, 2].map(() => ({ token: undefined, secrets: new Map() }));
  for (let round = 0; round < rounds; round++) {
    await ask('/');
    for (const farmer of farmers) await runRound(farmer, round, ask);
    after(INTERVAL_MS / 2);
  }
  return log;
}

async function runRound(farmer: Farmer, round: number, ask: (path: string) => Promise<Outcome['json']>): Promise<void> {
  const { secrets } = farmer;
  farmer.token ??= (await ask(`${API}/new/${ADDRESS}`))?.token;
  const { token } = farmer;
  if (token === undefined) return;
  const contract = await ask(`${API}/chunk/${token}`);
  if (typeof contract?.secret === 'string') secrets.set(contract.file_hash, contract.secret);
  const listing = await ask(`${API}/due/${token}`);
  if (listing?.status === 'no_token') farmer.token = undefined;
  for (const { hash, challenge } of listing?.due_contracts ?? []) {
    const secret = secrets.get(hash);
    if (secret !== undefined) await ask(`${API}/challenge/${token}/${hash}/${sha256(createChunk(secret), challenge)}`);
  }
  const [oldest] = secrets.keys();
  if (oldest === undefined || round % 2 === 0) return;
  await ask(`${API}/download/${oldest}`);
  await ask(`${API}/remove/${token}/${oldest}`);
  secrets.delete(oldest);
}
