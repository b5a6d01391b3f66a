import { EFFECTS, type EffectGroup, type EffectKindIn } from '@downstream/control-api';
import type { Connection } from '../../api/connection.ts';
import type { Handler } from '../../api/handler.ts';
import type { ApiResponse } from '../../api/response.ts';
import { amplify } from './amplify.ts';
import { clockSkew } from './clock-skew.ts';
import { dribble } from './dribble.ts';
import { dropResponse } from './drop-response.ts';
import { duplicateChallenge } from './duplicate-challenge.ts';
import type { AppliedFault, Damage, Delay, Replacement, Sent, Violation } from './effect.ts';
import { empty } from './empty.ts';
import { emptyChallenge } from './empty-challenge.ts';
import { exceedSize } from './exceed-size.ts';
import { expireContract } from './expire-contract.ts';
import { extraEntries } from './extra-entries.ts';
import { falseReport } from './false-report.ts';
import { fixed } from './fixed.ts';
import { forgetAll } from './forget-all.ts';
import { garbage } from './garbage.ts';
import { hang } from './hang.ts';
import { html } from './html.ts';
import { largeTag } from './large-tag.ts';
import { lognormal } from './lognormal.ts';
import { malformedJson } from './malformed-json.ts';
import { malformedTag } from './malformed-tag.ts';
import { noChunks } from './no-chunks.ts';
import { oversize } from './oversize.ts';
import { rateLimit } from './rate-limit.ts';
import { redirect } from './redirect.ts';
import { refuse } from './refuse.ts';
import { rejectAnswer } from './reject-answer.ts';
import { reset } from './reset.ts';
import { revokeToken } from './revoke-token.ts';
import { shortenInterval } from './shorten-interval.ts';
import { status } from './status.ts';
import { truncate } from './truncate.ts';
import { uniform } from './uniform.ts';
import { unknownScheme } from './unknown-scheme.ts';
import { wrongChallenge } from './wrong-challenge.ts';
import { wrongContentType } from './wrong-content-type.ts';
import { wrongDue } from './wrong-due.ts';
import { wrongHash } from './wrong-hash.ts';
import { wrongId } from './wrong-id.ts';
import { wrongPrime } from './wrong-prime.ts';
import { wrongTag } from './wrong-tag.ts';

type ReplacementKind = EffectKindIn<'connection' | 'http'>;
type DamageKind = EffectKindIn<'response'>;
type DelayKind = EffectKindIn<'delay'>;
type ViolationKind = EffectKindIn<'protocol'>;

// These tables do not compile while an effect of their groups is missing.

const REPLACEMENTS: { readonly [Kind in ReplacementKind]: Replacement<Kind> } = {
  reset,
  empty,
  hang,
  refuse,
  status,
  rate_limit: rateLimit,
  html,
  redirect,
};

const DAMAGES: { readonly [Kind in DamageKind]: Damage<Kind> } = {
  truncate,
  malformed_json: malformedJson,
  garbage,
  dribble,
  oversize,
  amplify,
  large_tag: largeTag,
  wrong_content_type: wrongContentType,
  drop_response: dropResponse,
};

const DELAYS: { readonly [Kind in DelayKind]: Delay<Kind> } = { fixed, uniform, lognormal };

const VIOLATIONS: { readonly [Kind in ViolationKind]: Violation<Kind> } = {
  wrong_hash: wrongHash,
  wrong_challenge: wrongChallenge,
  reject_answer: rejectAnswer,
  expire_contract: expireContract,
  no_chunks: noChunks,
  revoke_token: revokeToken,
  forget_all: forgetAll,
  shorten_interval: shortenInterval,
  duplicate_challenge: duplicateChallenge,
  extra_entries: extraEntries,
  exceed_size: exceedSize,
  wrong_tag: wrongTag,
  malformed_tag: malformedTag,
  empty_challenge: emptyChallenge,
  wrong_due: wrongDue,
  wrong_id: wrongId,
  false_report: falseReport,
  unknown_scheme: unknownScheme,
  wrong_prime: wrongPrime,
  clock_skew: clockSkew,
};

export function isInGroup<Group extends EffectGroup>(
  fault: AppliedFault,
  ...groups: readonly Group[]
): fault is AppliedFault<EffectKindIn<Group>> {
  return groups.some((group) => group === EFFECTS[fault.kind].group);
}

export function replace<Kind extends ReplacementKind>(fault: AppliedFault<Kind>, connection: Connection): Sent {
  return REPLACEMENTS[fault.kind](fault, connection);
}

export function damage<Kind extends DamageKind>(
  response: ApiResponse,
  fault: AppliedFault<Kind>,
  connection: Connection,
): Sent {
  return DAMAGES[fault.kind](response, fault, connection);
}

export function getDelayMs<Kind extends DelayKind>(fault: AppliedFault<Kind>): number {
  return DELAYS[fault.kind](fault);
}

export function violate<Kind extends ViolationKind>(handle: Handler, fault: AppliedFault<Kind>): Handler {
  return VIOLATIONS[fault.kind](handle, fault);
}
