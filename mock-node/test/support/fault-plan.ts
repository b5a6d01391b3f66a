import { type FaultInput, fault as faultSchema } from '@downstream/control-api';
import { FaultPlan, type FaultRequest } from '../../src/faults/fault-plan.ts';
import { SeededRandom } from '../../src/ledger/seeded-random.ts';

/** The node time at which faults are added by default. */
export const T0 = 1_000_000;
export const TOKEN = 'aaaaaabbbbbbccccccdddddd';
export const HASH = '0123456789abcdef'.repeat(4);

/** A request on the route due. */
export const createRequest = (given: Partial<FaultRequest> = {}): FaultRequest => ({
  route: 'due',
  method: 'GET',
  token: TOKEN,
  includes: () => false,
  ...given,
});

/** A plan with faults, and how it treats requests. */
export function createPlan(...given: FaultInput[]) {
  const random = new SeededRandom('seed');
  const events: string[] = [];
  const plan = new FaultPlan({
    chance: (fault, index, what) => random.chance(fault, index, what),
    onChange: (change, name) => events.push(`${change} ${name}`),
  });
  const add = (fault: FaultInput, now = T0) => plan.add(faultSchema.parse(fault), now);
  for (const fault of given) add(fault);
  /** The names of the faults that apply to a request. */
  const apply = (call: Partial<FaultRequest> = {}, now = T0) =>
    plan.apply(createRequest(call), now).map(({ name }) => name);
  /** The indices of the requests to which a fault applies. */
  const hits = (count: number, name = 'a', now = T0) =>
    Array.from({ length: count }, (_, n) => (apply({}, now).includes(name) ? [n] : [])).flat();
  const counts = (name = 'a', now = T0) => {
    const { matched, applied } = plan.get(name, now);
    return { matched, applied };
  };
  return { plan, events, add, apply, hits, counts };
}
