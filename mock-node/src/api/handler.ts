import type { RouteName } from '@downstream/protocol';
import type { ChunkFactory } from '../chunks/chunk-factory.ts';
import type { NodeHeartbeat } from '../heartbeats/node-heartbeat.ts';
import type { PreparedChunks } from '../heartbeats/prepared-chunks.ts';
import type { Chunk } from '../ledger/contract.ts';
import type { Ledger } from '../ledger/ledger.ts';
import type { SeededRandom } from '../ledger/seeded-random.ts';
import type { OwnershipFiles } from '../ownership/files.ts';
import type { ApiResponse } from './response.ts';

interface ContractSource {
  /** @returns undefined if the node has no contract to offer */
  reserve(now: number): { readonly index: number; readonly secret: string } | undefined;
  generateChunk(secret: string): Promise<Chunk>;
}

/** Who may register through the v1 API. */
interface V1Policy {
  readonly requiresSignature: boolean;
  /** Tokens for each IP address; undefined for no limit. */
  readonly tokensPerClient: number | undefined;
  /** The addresses that get tokens; undefined for all. */
  readonly whitelist: readonly string[] | undefined;
}

export interface NodeServices {
  readonly ledger: Ledger;
  readonly newContracts: ContractSource;
  readonly chunks: Pick<ChunkFactory, 'createVerifier' | 'readBlocks'>;
  readonly heartbeat: Pick<NodeHeartbeat, 'getPublic' | 'verify'>;
  readonly preparedChunks: Pick<PreparedChunks, 'start' | 'findSize' | 'take'>;
  readonly v1Policy: V1Policy;
  readonly files: OwnershipFiles;
  readonly random: SeededRandom;
  readonly settings: () => { readonly intervalMs: number; readonly contractForm: 'secret' | 'url' };
  readonly now: () => number;
  /** Node time that passes per unit of real time. */
  readonly timeScale: () => number;
}

export interface Call {
  readonly method: string;
  readonly params: Readonly<Record<string, string>>;
  /** The address that the client used for the node: `http://host:port`. */
  readonly origin: string;
  /** The IP address of the client. */
  readonly client: string;
  readonly body: string;
  /** Node time at the start of the request. */
  readonly now: number;
  readonly node: NodeServices;
}

export type Handler = (call: Call) => ApiResponse | Promise<ApiResponse>;

export type Handlers<Name extends RouteName = RouteName> = { readonly [Route in Name]: Handler };
