import { HeartbeatError, merkle, swizzle } from '@downstream/heartbeat';
import { heartbeatResponse, type V1RouteName } from '@downstream/protocol';
import { NodeError } from '../farming/errors.ts';
import type { ReceivedTag } from '../farming/ports.ts';
import { parseResponse, type TextResponse } from './responses.ts';

/** What a node stated for a token. */
export interface Registration {
  readonly token: string;
  readonly heartbeat: Omit<ReceivedTag, 'tag'>;
  /** The length of a tag, as JSON, relative to the size of its chunk; 0 with Merkle, whose tags do not depend on it. */
  readonly tagRatio: number;
}

/** Parses the response of `/new` or `/heartbeat`. @throws NodeError, also if the heartbeat exceeds a limit */
export function parseRegistration(route: V1RouteName, response: TextResponse): Registration {
  const { token, type: scheme, heartbeat } = parseResponse(route, heartbeatResponse, response);
  try {
    return { token, heartbeat: { scheme, heartbeat }, tagRatio: TAG_RATIOS[scheme](heartbeat) };
  } catch (error) {
    if (!(error instanceof HeartbeatError)) throw error;
    throw new NodeError('invalid_response', route, "the node's heartbeat is invalid", { reason: error.message });
  }
}

const TAG_RATIOS = {
  Merkle: (heartbeat: unknown) => {
    merkle.heartbeat.fromJSON(heartbeat);
    return 0;
  },
  /** A tag has a number for each chunk of `sectors` numbers, with its length, in base64. */
  Swizzle: (heartbeat: unknown) => {
    const { sectors, prime } = swizzle.heartbeat.fromJSON(heartbeat);
    const bits = prime.toString(2).length;
    return ((4 + Math.ceil(bits / 8)) / (sectors * Math.floor(bits / 8))) * (4 / 3);
  },
};
