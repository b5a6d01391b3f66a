/** What is selected at the top of a dashboard. Outside of Kubernetes, without namespaces, "All" matches too. */
const SELECTED = 'namespace=~"$namespace", job=~"$job", instance=~"$instance"';

/** Firing alerts of what is selected, and those about no farmer in particular, such as FarmerAbsent. */
export const FIRING_ALERTS =
  'ALERTS{alertstate="firing", namespace=~"$namespace|", job=~"$job", instance=~"$instance|"}';

/** The labels that identify a farmer or node. Farms in different namespaces have the same instances. */
export const TARGET = ['namespace', 'job', 'instance'] as const;

/** The legend of a series per target. */
export const INSTANCE = '{{namespace}} {{instance}}';

const BY_NODE = [...TARGET, 'node'];

/** The series of a metric for the selected instances. */
export function select(metric: string, matchers = ''): string {
  return `${metric}{${SELECTED}${matchers === '' ? '' : `, ${matchers}`}}`;
}

function sumBy(labels: readonly string[], expr: string): string {
  return labels.length === 0 ? `sum(${expr})` : `sum by (${labels.join(', ')}) (${expr})`;
}

/** A counter's increase per second. */
export function rate(metric: string, matchers = ''): string {
  return `rate(${select(metric, matchers)}[$__rate_interval])`;
}

/** A counter's increase per step of a graph. A rate, because its window must span several scrapes, unlike a step. */
export function increasePerStep(
  metric: string,
  { matchers = '', by = [] }: { matchers?: string; by?: readonly string[] } = {},
): string {
  return `${sumBy(by, rate(metric, matchers))} * $__interval_ms / 1000`;
}

/** A counter's increase over the dashboard's time range, which suits rare events. */
export function increaseOverRange(metric: string, matchers = ''): string {
  return `increase(${select(metric, matchers)}[$__range])`;
}

/** @param increase of the histogram's buckets, over any time */
export function quantile(q: number, increase: string, by: readonly string[] = []): string {
  return `histogram_quantile(${q}, ${sumBy(['le', ...by], increase)})`;
}

/**
 * Share of challenges that passed. NaN without challenges, which is neither 0 % nor 100 %.
 *
 * @param increase {@link rate} or {@link increaseOverRange}
 * @param by labels to keep
 */
export function passRate(increase: (metric: string) => string, by: readonly string[] = []): string {
  const passed = sumBy(by, increase('farmer_challenges_passed_total'));
  return `${passed} / (${passed} + ${sumBy(by, increase('farmer_challenges_failed_total'))})`;
}

/**
 * Share of the interval left at the verdict, for the slowest 5 % of answers. Per node, because intervals differ.
 *
 * @param increase {@link rate} or {@link increaseOverRange}
 */
export function headroom(increase: (metric: string) => string): string {
  const slack = quantile(0.05, increase('farmer_challenge_slack_seconds_bucket'), BY_NODE);
  return `${slack} / on (${BY_NODE.join(', ')}) (${select('farmer_challenge_interval_seconds')} > 0)`;
}

/** A disk's state as a number, see `DISK_STATES`. */
export function diskState(): string {
  const is = (state: string) => sumBy([...TARGET, 'disk'], select('farmer_disk_state', `state="${state}"`));
  return `(${is('full')} + 2 * ${is('read_only')} + 3 * ${is('quarantined')})`;
}
