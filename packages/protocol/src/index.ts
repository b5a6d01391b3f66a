export { findAddressMistake, isSjcxAddress } from './address.ts';
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
export { buildPath, ROUTE_NAMES, ROUTES, type RouteDefinition, type RouteName } from './routes.ts';
