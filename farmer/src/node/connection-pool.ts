import { type ClientRequest, Agent as HttpAgent } from 'node:http';
import { Agent as HttpsAgent } from 'node:https';
import type { AxiosAdapter } from 'axios';
import { sendRequest } from './http-adapter.ts';
import { type HttpProxy, isReachedDirectly } from './proxy.ts';

/** How servers are reached. */
export interface NetworkOptions {
  /** Default: none. The proxy variables of the environment have no effect. */
  readonly proxy?: HttpProxy | undefined;
  /** Certificates of all trusted authorities, as PEM. Default: those of Node.js. */
  readonly authorities?: readonly string[] | undefined;
  /** Origins whose certificates are not verified. The certificate of a proxy always is. */
  readonly unverifiedOrigins?: readonly string[] | undefined;
}

/** The connection of one request. */
export interface Connection {
  /** Sends the request. */
  readonly adapter: AxiosAdapter;
  /** The origin of the proxy, if there is one. */
  readonly proxy: string | undefined;
  /** Whether an earlier request has used the connection. */
  readonly isReused: boolean;
  /**
   * Closes the idle connections of the pool. Those in use are closed after their request.
   *
   * @returns how many were idle
   */
  discardIdle(): number;
}

type Agents = readonly [HttpAgent, HttpsAgent];
interface AgentSet {
  readonly direct: Agents;
  readonly proxied: Agents;
}

/** More than the concurrency limits of answers and downloads together, so that a listing always gets a connection. */
const MAX_CONNECTIONS = 48;

/** HTTP connections, which are reused. */
export class ConnectionPool {
  readonly #options: NetworkOptions;
  #agents: AgentSet;
  /** Former agents with connections in use. */
  #discarded: readonly AgentSet[] = [];

  constructor(options: NetworkOptions = {}) {
    this.#options = options;
    this.#agents = createAgents(options);
  }

  /** Prepares a request, which gets an idle connection or a new one when it is sent. */
  connect(url: string): Connection {
    const { proxy, unverifiedOrigins = [] } = this.#options;
    const agents = this.#agents;
    const { hostname, origin } = new URL(url);
    const isDirect = proxy === undefined || isReachedDirectly(hostname, proxy.exceptions);
    let sent: ClientRequest | undefined;
    const transport = {
      agents: isDirect ? agents.direct : agents.proxied,
      rejectUnauthorized: !unverifiedOrigins.includes(origin),
      onRequest: (request: ClientRequest) => {
        sent = request;
      },
    };
    return {
      adapter: async (config) => await sendRequest(config, transport),
      proxy: isDirect ? undefined : new URL(proxy.url).origin,
      get isReused() {
        return sent?.reusedSocket ?? false;
      },
      discardIdle: () => this.#discardIdle(agents),
    };
  }

  close(): void {
    for (const agent of [this.#agents, ...this.#discarded].flatMap(listAgents)) agent.destroy();
  }

  #discardIdle(agents: AgentSet): number {
    // Another request has already discarded them: the present ones are newer.
    if (agents !== this.#agents) return 0;
    this.#agents = createAgents(this.#options);
    const all = listAgents(agents);
    for (const agent of all) agent.maxFreeSockets = 0;
    const idle = all.flatMap(({ freeSockets }) => Object.values(freeSockets)).flatMap((sockets) => sockets ?? []);
    for (const socket of idle) socket.destroy();
    this.#discarded = [...this.#discarded, agents].filter(isInUse);
    return idle.length;
  }
}

function createAgents({ proxy, authorities }: NetworkOptions): AgentSet {
  const create = (proxyEnv: { HTTP_PROXY: string; HTTPS_PROXY: string } | undefined): Agents => {
    const options = { keepAlive: true, maxSockets: MAX_CONNECTIONS, proxyEnv };
    return [new HttpAgent(options), new HttpsAgent({ ...options, ...(authorities && { ca: [...authorities] }) })];
  };
  return {
    direct: create(undefined),
    proxied: create(proxy && { HTTP_PROXY: proxy.url, HTTPS_PROXY: proxy.url }),
  };
}

function isInUse(set: AgentSet): boolean {
  return listAgents(set).some(({ sockets }) => Object.keys(sockets).length > 0);
}

function listAgents({ direct, proxied }: AgentSet): (HttpAgent | HttpsAgent)[] {
  return [...direct, ...proxied];
}
