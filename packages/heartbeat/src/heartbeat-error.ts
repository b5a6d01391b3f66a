/**
 * - `invalid_data`: JSON or an argument is malformed or out of range; the message begins with the field's path.
 * - `invalid_signature`: a state was not signed with this heartbeat's key, or was changed.
 * - `private_heartbeat_required`: the operation needs keys that a public heartbeat does not have.
 * - `file_too_short`: the file ends before the bytes that a challenge or a tag covers.
 */
export type HeartbeatErrorCode = 'invalid_data' | 'invalid_signature' | 'private_heartbeat_required' | 'file_too_short';

/** An operation of a proof scheme is impossible. `code` is stable; `message` is for people and contains no key. */
export class HeartbeatError extends Error {
  override readonly name = 'HeartbeatError';
  readonly code: HeartbeatErrorCode;

  constructor(code: HeartbeatErrorCode, message: string) {
    super(message);
    this.code = code;
  }
}
