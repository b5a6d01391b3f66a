export {
  type AcceptedContract,
  ClientError,
  DownstreamClient,
  type DownstreamClientOptions,
  type OpenChallenge,
} from './client.ts';
export { ChunkError, NodeError } from './farming/errors.ts';
