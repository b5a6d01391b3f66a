import type { RouteName } from '@downstream/protocol';
import type { ChunkFactory } from '../chunks/chunk-factory.ts';
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

export interface NodeServices {
  readonly ledger: Ledger;
  readonly newContracts: ContractSource;
  readonly chunks: Pick<ChunkFactory, 'createVerifier' | 'readBlocks'>;
  readonly files: OwnershipFiles;
  readonly random: SeededRandom;
  readonly settings: () => { readonly intervalMs: number; readonly contractForm: 'secret' | 'url' };
  readonly now: () => number;
  /** Node time that passes per unit of real time. */
  readonly timeScale: () => number;
}

export interface Call {
  readonly params: Readonly<Record<string, string>>;
  /** The address that the client used for the node: `http://host:port`. */
  readonly origin: string;
  readonly body: string;
  /** Node time at the start of the request. */
  readonly now: number;
  readonly node: NodeServices;
}

export type Handler = (call: Call) => ApiResponse | Promise<ApiResponse>;

export type Handlers<Name extends RouteName = RouteName> = { readonly [Route in Name]: Handler };
