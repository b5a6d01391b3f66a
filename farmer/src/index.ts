export {
  ClientError,
  DownstreamClient,
  type DownstreamClientOptions,
  type OpenChallenge,
  type TakenContract,
} from './client.ts';
export { ChunkError, NodeError } from './farming/errors.ts';
