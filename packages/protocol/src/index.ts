export { findAddressMistake, isSjcxAddress } from './address.ts';
export { toFarmerId } from './farmer-id.ts';
export { STANDARD_GENESIS } from './genesis.ts';
export {
  contractResponse,
  dueContract,
  fileChallenge,
  listedContract,
  matchResponse,
  removeResponse,
  sha256Hex,
  statusResponse,
  token,
  tokenResponse,
  verdictResponse,
} from './prototype.ts';
export {
  buildPath,
  isV1Route,
  ROUTE_NAMES,
  ROUTES,
  type RouteDefinition,
  type RouteName,
  V1_PREFIX,
  type V1RouteName,
} from './routes.ts';
export { isSignedBy, MAX_MESSAGE_CHARS, SIGNATURE_CHARS } from './signed-message.ts';
export { formatTokenLimitError, NO_MORE_CHALLENGES, V1_CONTRACT_ERRORS, V1_ERRORS } from './v1-messages.ts';
export { type ContractReference, parseContractIds, parseProofs, type ReceivedProof } from './v1-requests.ts';
export {
  challengeEntry,
  chunkOffer,
  contractId,
  heartbeatResponse,
  reportEntry,
  V1_SCHEMES,
  type V1Scheme,
} from './v1-responses.ts';
