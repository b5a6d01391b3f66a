import { Counter, collectDefaultMetrics, Gauge, Histogram, Registry } from 'prom-client';
import { registerEventLoopMetrics } from './event-loop-metrics.ts';

/** Metrics of prom-client that are named like counters, duplicate others, or measure the event loop too often. */
const REPLACED = /^nodejs_(active_|eventloop_)/;
const NEVER_MS = 2 ** 31 - 1;

/** Declares a metric. The documentation is generated from it. */
export interface MetricSpec {
  readonly type: 'counter' | 'gauge' | 'histogram';
  /** Follows Prometheus' conventions: prefix, base unit, and `_total` for counters only. */
  readonly name: string;
  /** The metric's HELP text. */
  readonly help: string;
  /** The operator's question that the metric answers. */
  readonly question: string;
  readonly unit: string;
  /**
   * The values of each label, or `null` if they are known only at run time. Every combination of known values starts at
   * 0, because `increase()` does not see a counter that appears with the value 1.
   */
  readonly labels?: Readonly<Record<string, readonly string[] | null>>;
  /** A histogram's upper bounds, in `unit`. */
  readonly buckets?: readonly number[];
}

export type Catalogue = Readonly<Record<string, MetricSpec>>;

type LabelsOf<Spec extends MetricSpec> = Spec extends { labels: infer Labels } ? Extract<keyof Labels, string> : never;

type Instrument<Spec extends MetricSpec> = Spec['type'] extends 'counter'
  ? Counter<LabelsOf<Spec>>
  : Spec['type'] extends 'gauge'
    ? Gauge<LabelsOf<Spec>>
    : Histogram<LabelsOf<Spec>>;

type Instruments<C extends Catalogue> = { readonly [Key in keyof C]: Instrument<C[Key]> };

/** Sets a gauge before each scrape. */
type Reader<Spec extends MetricSpec> = (gauge: Gauge<LabelsOf<Spec>>) => void | Promise<void>;

type RuntimeLabelValues = Readonly<Record<string, readonly string[]>>;

export interface Scrape {
  readonly contentType: string;
  readonly text: string;
}

/**
 * The metrics of one service: those of its catalogue, and those of the process (`process_…`, `nodejs_…`). If reading
 * one metric fails, `onError` is called and the scrape contains all others.
 */
export class MetricSet<C extends Catalogue> {
  readonly instruments: Instruments<C>;
  readonly #registry = new Registry();
  readonly #readers = new Map<keyof C, Reader<MetricSpec>>();
  readonly #labelValues: RuntimeLabelValues;
  readonly #onError: (metric: string, error: unknown) => void;

  /** @param options.labelValues values of the labels that the catalogue declares as `null` */
  constructor(
    catalogue: C,
    {
      labelValues = {},
      onError,
    }: { labelValues?: RuntimeLabelValues; onError: (metric: string, error: unknown) => void },
  ) {
    this.#onError = onError;
    this.#labelValues = labelValues;
    const declared = Object.entries(catalogue).map(([key, spec]) => [key, this.#declare(key, spec)]);
    this.instruments = Object.fromEntries(declared);
    collectDefaultMetrics({ register: this.#registry, eventLoopMonitoringPrecision: NEVER_MS });
    for (const { name } of this.#registry.getMetricsAsArray()) {
      if (REPLACED.test(name)) this.#registry.removeSingleMetric(name);
    }
    registerEventLoopMetrics(this.#registry);
  }

  /** The names of all metrics, including those of the process. */
  get names(): string[] {
    return this.#registry.getMetricsAsArray().map(({ name }) => name);
  }

  /** Registers a function that sets the gauge before each scrape. */
  onScrape<Key extends keyof C>(key: Key, reader: Reader<C[Key]>): void {
    this.#readers.set(key, reader as Reader<MetricSpec>);
  }

  /** All metrics in Prometheus' text format. Never throws. */
  async scrape(): Promise<Scrape> {
    const texts = await Promise.all(this.names.map(async (name) => await this.#formatMetric(name)));
    return { contentType: this.#registry.contentType, text: `${texts.filter(Boolean).join('\n\n')}\n` };
  }

  async #formatMetric(name: string): Promise<string> {
    try {
      return await this.#registry.getSingleMetricAsString(name);
    } catch (error) {
      this.#onError(name, error);
      return '';
    }
  }

  #declare(key: keyof C, spec: MetricSpec): Counter | Gauge | Histogram {
    const { type, name, help, labels = {}, buckets } = spec;
    const common = { name, help, labelNames: Object.keys(labels), registers: [this.#registry] };
    const readers = this.#readers;
    switch (type) {
      case 'counter': {
        const counter = new Counter(common);
        for (const combination of combineLabels(labels, this.#labelValues)) counter.inc(combination, 0);
        return counter;
      }
      case 'gauge': {
        const gauge = new Gauge({
          ...common,
          async collect() {
            await readers.get(key)?.(this);
          },
        });
        for (const combination of combineLabels(labels, this.#labelValues)) gauge.set(combination, 0);
        return gauge;
      }
      case 'histogram': {
        const histogram = new Histogram({ ...common, ...(buckets && { buckets: [...buckets] }) });
        for (const combination of combineLabels(labels, this.#labelValues)) histogram.zero(combination);
        return histogram;
      }
    }
  }
}

/** Every combination of label values; none if the values of a label are unknown. */
function combineLabels(
  labels: NonNullable<MetricSpec['labels']>,
  runtimeValues: RuntimeLabelValues,
): Record<string, string>[] {
  return Object.entries(labels).reduce<Record<string, string>[]>(
    (found, [label, values]) =>
      found.flatMap((one) => (values ?? runtimeValues[label] ?? []).map((value) => ({ ...one, [label]: value }))),
    [{}],
  );
}

/** Formats the catalogue as a table in Markdown. */
export function formatMetricsMarkdown(catalogue: Catalogue): string {
  const rows = Object.values(catalogue).map(({ name, type, unit, labels = {}, question, help }) => {
    const shown = Object.entries(labels).map(
      ([label, values]) => `\`${label}\`${values ? `: ${values.map((value) => `\`${value}\``).join(' ')}` : ''}`,
    );
    return `| \`${name}\` | ${type} | ${unit} | ${shown.join('<br>')} | ${question} | ${help} |`;
  });
  return [
    '| metric | type | unit | labels | question | meaning |',
    '| --- | --- | --- | --- | --- | --- |',
    ...rows,
  ].join('\n');
}
