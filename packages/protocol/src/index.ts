export { isSjcxAddress } from './address.ts';
export {
  challengesReply,
  contractReply,
  dueReply,
  matchReply,
  PROTOTYPE_PREFIX,
  prototypePaths,
  removeReply,
  sha256Hex,
  statusReply,
  token,
  tokenReply,
  verdictReply,
} from './prototype.ts';
