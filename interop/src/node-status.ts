/** A farmer as its node sees it. */
export interface NodeView {
  readonly farmerId: string;
  readonly passed: number;
  readonly running: number;
  /** Contracts that have ended. A node of the v1 API ends a contract with its first lost challenge. */
  readonly lost: number;
}

const API = 'api/downstream/v1/status';
const REQUEST_TIMEOUT_MS = 20_000;

/** Whether a node answers requests. */
export async function isReady(url: string): Promise<boolean> {
  try {
    const response = await fetch(url, { signal: AbortSignal.timeout(REQUEST_TIMEOUT_MS) });
    await response.text();
    return response.status < 500;
  } catch {
    return false;
  }
}

/** Lists the ids of a node's farmers; undefined if the node has no v1 API. */
export async function listFarmers(url: string): Promise<string[] | undefined> {
  const list = await get(new URL(`${API}/list/`, url));
  if (!isObject(list) || !Array.isArray(list['farmers'])) return undefined;
  return list['farmers'].filter(isObject).map(({ id }) => String(id));
}

/** Reads what a node of the v1 API has counted for a farmer. */
export async function readNodeView(url: string, farmerId: string): Promise<NodeView> {
  const list = await get(new URL(`${API}/list/`, url));
  const farmers = isObject(list) && Array.isArray(list['farmers']) ? list['farmers'].filter(isObject) : [];
  const running = Number(farmers.find(({ id }) => id === farmerId)?.['contracts']);
  // Here, ended contracts count as well.
  const farmer = await get(new URL(`${API}/show/${farmerId}`, url));
  const { heartbeats, contracts } = isObject(farmer) ? farmer : {};
  return { farmerId, passed: Number(heartbeats), running, lost: Number(contracts) - running };
}

async function get(url: URL): Promise<unknown> {
  const response = await fetch(url, { signal: AbortSignal.timeout(REQUEST_TIMEOUT_MS) });
  const text = await response.text();
  return response.ok ? JSON.parse(text) : undefined;
}

function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null;
}
