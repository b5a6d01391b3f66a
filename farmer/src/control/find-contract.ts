import { CodedError } from '@downstream/platform';
import type { ContractId } from '../contract/contract.ts';

/** Not exactly one contract has such an id. The message says why. */
export class ContractIdError extends CodedError<'invalid_id' | 'no_contract' | 'several_contracts'> {}

const PREFIX = /^[0-9a-f]{6,64}$/;
const MAX_LISTED = 5;

/**
 * Finds a contract, held or in the journal, by its id or the first characters of it.
 *
 * @returns an error unless there is exactly one
 */
export function findContract(
  journal: { findContracts(prefix: string, limit: number): ContractId[] },
  input: string,
): ContractId | ContractIdError {
  const prefix = input.toLowerCase();
  if (!PREFIX.test(prefix)) {
    const shown = JSON.stringify(input.slice(0, 100));
    return new ContractIdError(
      'invalid_id',
      `expected a contract id, or at least 6 of its 64 characters 0-9 and a-f (got ${shown})`,
    );
  }
  const [id, ...others] = journal.findContracts(prefix, MAX_LISTED + 1);
  if (id === undefined) {
    return new ContractIdError(
      'no_contract',
      `no contract starts with ${prefix}: neither a running one, nor one in the journal`,
    );
  }
  if (others.length === 0) return id;
  const ids = [id, ...others].slice(0, MAX_LISTED);
  const list = others.length < MAX_LISTED ? ids.join(', ') : `${ids.join(', ')} and others`;
  return new ContractIdError('several_contracts', `several contracts start with ${prefix}: ${list}`);
}

/** The HTTP status of a response about such an error. */
export function toStatus({ code }: ContractIdError): number {
  return code === 'invalid_id' ? 400 : 404;
}
