/** Why a node gets no more contracts at present, in the order in which the conditions are checked. */
export type WaitReason =
  /** The farmer exits, or has exited, this node. */
  | 'exiting'
  | 'exited'
  /** The node has not issued a token, or no longer accepts it. */
  | 'no_token'
  /** The node's share of the capacity is used. */
  | 'share_used'
  /** The share is not used, but other nodes hold more than theirs. */
  | 'capacity_used'
  /** No disk has space for another chunk: it cannot be used, or too little is left of its free space or capacity. */
  | 'no_space'
  /** More contracts could not be proved in time. */
  | 'too_slow'
  /** Chunks of accepted contracts are generated first, and may need the space that is left. */
  | 'generating'
  /** The last contracts of the node were rejected. */
  | 'offers_rejected'
  /** The node had no contract at the last request. */
  | 'no_offer'
  /** The last request failed. */
  | 'request_failed'
  /** The state cannot be written. */
  | 'not_stored';
