import type { EffectKind } from '@downstream/control-api';
import type { Connection } from '../../api/connection.ts';
import type { Handler } from '../../api/handler.ts';
import type { ApiResponse } from '../../api/response.ts';
import type { AppliedFault } from '../applied-fault.ts';

/** What the client gets from a node that does not process its request. */
export type Replacement<Kind extends EffectKind> = (
  fault: AppliedFault<Kind>,
  connection: Connection,
) => void | Promise<void>;

/** Sends a response of the node in a damaged form. */
export type Damage<Kind extends EffectKind> = (
  response: ApiResponse,
  fault: AppliedFault<Kind>,
  connection: Connection,
) => void | Promise<void>;

/** How long a response is delayed, in milliseconds. */
export type Delay<Kind extends EffectKind> = (fault: AppliedFault<Kind>) => number;

/** Wraps a handler that follows the protocol, so that the node violates it. */
export type Violation<Kind extends EffectKind> = (handle: Handler, fault: AppliedFault<Kind>) => Handler;
