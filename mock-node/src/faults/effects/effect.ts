import type { EffectByKind, EffectKind } from '@downstream/control-api';
import type { Connection, OutgoingResponse } from '../../api/connection.ts';
import type { Handler } from '../../api/handler.ts';
import type { ApiResponse } from '../../api/response.ts';

export interface AppliedFault<Kind extends EffectKind = EffectKind> {
  readonly name: string;
  readonly kind: Kind;
  readonly effect: EffectByKind[Kind];
  /** The beginning of the hash of the only contract to which the fault applies. */
  readonly contract: string | undefined;
  /** The number of requests that matched the fault before this one. */
  readonly index: number;
  /** `rate_limit`: node time until requests are let through again. */
  readonly retryAfterMs?: number;
  /** A random number from 0 up to but not including 1. It depends on the seed, the fault, `index` and `purpose`. */
  readonly chance: (purpose: string) => number;
}

/** What to send to the client; undefined if the effect has ended the connection. */
export type Sent = OutgoingResponse | undefined | Promise<undefined>;

/** Replaces the response. The node does not process the request. */
export type Replacement<Kind extends EffectKind> = (fault: AppliedFault<Kind>, connection: Connection) => Sent;

export type Damage<Kind extends EffectKind> = (
  response: ApiResponse,
  fault: AppliedFault<Kind>,
  connection: Connection,
) => Sent;

export type Delay<Kind extends EffectKind> = (fault: AppliedFault<Kind>) => number;

/** Wraps a handler that follows the protocol, so that the node violates it. */
export type Violation<Kind extends EffectKind> = (handle: Handler, fault: AppliedFault<Kind>) => Handler;
