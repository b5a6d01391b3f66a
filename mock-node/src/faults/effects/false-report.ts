import type { EffectByKind } from '@downstream/control-api';
import { NO_MORE_CHALLENGES, V1_CONTRACT_ERRORS } from '@downstream/protocol';
import { editEntries, type V1Entry } from './edit-body.ts';
import type { Violation } from './effect.ts';

type Report = EffectByKind['false_report']['report'];

const CHALLENGE_FIELDS: Readonly<Record<Report, object>> = {
  expired: { error: V1_CONTRACT_ERRORS.expired },
  not_found: { error: V1_CONTRACT_ERRORS.unknown },
  completed: { status: NO_MORE_CHALLENGES },
  answered: { answered: true },
};
const ANSWER_FIELDS: Readonly<Record<Exclude<Report, 'completed'>, object>> = {
  expired: { error: V1_CONTRACT_ERRORS.answerExpired },
  not_found: { error: V1_CONTRACT_ERRORS.unknown },
  answered: { error: V1_CONTRACT_ERRORS.alreadyAnswered },
};

export const falseReport: Violation<'false_report'> =
  (handle, { contract, effect: { report } }) =>
  async (call) =>
    editEntries(await handle(call), contract, (entry, list) => {
      if (list === 'report') return [report === 'completed' ? entry : { ...toId(entry), ...ANSWER_FIELDS[report] }];
      if (entry.challenge === undefined) return [entry];
      return [{ ...(report === 'answered' ? entry : toId(entry)), ...CHALLENGE_FIELDS[report] }];
    });

function toId({ file_hash }: V1Entry): Pick<V1Entry, 'file_hash'> {
  return { file_hash };
}
