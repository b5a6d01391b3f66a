/** What every query of every dashboard starts from: the job and the instances chosen at the top. */
const CHOSEN = 'job=~"$job", instance=~"$instance"';

/** A metric of the chosen instances. */
export function chosen(metric: string, matchers = ''): string {
  return `${metric}{${CHOSEN}${matchers === '' ? '' : `, ${matchers}`}}`;
}

/** Its increase in each step of a graph. The window is longer than the step, so that it holds several scrapes: hence the rate. */
export function increasePerStep(
  metric: string,
  { matchers = '', by = [] }: { matchers?: string; by?: readonly string[] } = {},
): string {
  const sum = by.length === 0 ? 'sum' : `sum by (${by.join(', ')}) `;
  return `${sum}(${rate(metric, matchers)}) * $__interval_ms / 1000`;
}

/** Its increase a second. */
export function rate(metric: string, matchers = ''): string {
  return `rate(${chosen(metric, matchers)}[$__rate_interval])`;
}

/** Its increase over all the time that the dashboard shows: works however rare the events are. */
export function increaseOverRange(metric: string, matchers = ''): string {
  return `increase(${chosen(metric, matchers)}[$__range])`;
}

/** A quantile of a histogram, of all chosen instances together or by labels. `increase`: of its buckets, over any time. */
export function quantile(q: number, increase: string, by: readonly string[] = []): string {
  return `histogram_quantile(${q}, sum by (${['le', ...by].join(', ')}) (${increase}))`;
}

/**
 * What share of the challenges was passed. NaN without challenges, which panels show as such: it is neither 0 % nor 100 %.
 *
 * @param increase {@link rate} or {@link increaseOverRange}
 * @param by labels to keep
 */
export function passRate(increase: (metric: string) => string, by: readonly string[] = []): string {
  const sum = by.length === 0 ? 'sum' : `sum by (${by.join(', ')}) `;
  const passed = `${sum}(${increase('farmer_challenges_passed_total')})`;
  return `${passed} / (${passed} + ${sum}(${increase('farmer_challenges_failed_total')}))`;
}

/**
 * What was left of a node's interval when the slowest twentieth of the answers to it had its verdict. Each node by itself, as intervals
 * differ.
 *
 * @param increase {@link rate} or {@link increaseOverRange}
 */
export function headroom(increase: (metric: string) => string): string {
  const slack = quantile(0.05, increase('farmer_challenge_slack_seconds_bucket'), EACH_NODE);
  return `${slack} / on (${EACH_NODE.join(', ')}) (${chosen('farmer_challenge_interval_seconds')} > 0)`;
}

const EACH_NODE = ['job', 'instance', 'node'];

/** Which state a disk is in, as a number: 0 ok, 1 full, 2 quarantined. */
export function diskState(): string {
  const is = (state: string) => `sum by (job, instance, disk) (${chosen('farmer_disk_state', `state="${state}"`)})`;
  return `(${is('full')} + 2 * ${is('quarantined')})`;
}

/** The alerts that fire for the chosen instances, and those that name no instance, such as an absent farmer's. */
export const FIRING = 'ALERTS{alertstate="firing", job=~"$job", instance=~"$instance|"}';
