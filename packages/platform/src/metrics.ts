import { Counter, collectDefaultMetrics, Gauge, Histogram, Registry } from 'prom-client';

/** One metric, as it is declared once and documented from there. */
export interface MetricSpec {
  readonly type: 'counter' | 'gauge' | 'histogram';
  /** In Prometheus' conventions: prefix, base unit, `_total` on counters alone. */
  readonly name: string;
  /** What is measured, in a sentence: the scrape's HELP line. */
  readonly help: string;
  /** The question of an operator that it answers. */
  readonly question: string;
  readonly unit: string;
  /**
   * Each label's values. Every combination is there from the start at 0, so that an increase from nothing is seen.
   * `null`: values that only a run knows; they must be few. Those that it is told of at the beginning are there from the start too.
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

/** Sets a gauge just before it is scraped. */
type Reader<Spec extends MetricSpec> = (gauge: Gauge<LabelsOf<Spec>>) => void | Promise<void>;

type RuntimeLabelValues = Readonly<Record<string, readonly string[]>>;

export interface Scrape {
  readonly contentType: string;
  readonly text: string;
}

/**
 * The metrics of one service: those of its catalogue, and the process's own (`process_…`, `nodejs_…`).
 * A metric that can't be read is left out of the scrape, and `onError` hears of it; the others are served.
 */
export class MetricSet<C extends Catalogue> {
  readonly instruments: Instruments<C>;
  readonly #registry = new Registry();
  readonly #readers = new Map<keyof C, Reader<MetricSpec>>();
  readonly #known: RuntimeLabelValues;
  readonly #onError: (metric: string, error: unknown) => void;

  /** @param known the values of labels that only a run knows, by label */
  constructor(
    catalogue: C,
    { known = {}, onError }: { known?: RuntimeLabelValues; onError: (metric: string, error: unknown) => void },
  ) {
    this.#onError = onError;
    this.#known = known;
    const declared = Object.entries(catalogue).map(([key, spec]) => [key, this.#declare(key, spec)]);
    this.instruments = Object.fromEntries(declared);
    collectDefaultMetrics({ register: this.#registry });
    // Gauges whose names end in _total, and what they count twice.
    for (const kind of ['handles', 'requests', 'resources']) {
      this.#registry.removeSingleMetric(`nodejs_active_${kind}`);
      this.#registry.removeSingleMetric(`nodejs_active_${kind}_total`);
    }
  }

  /** The names of all metrics, the process's own included. */
  get names(): string[] {
    return this.#registry.getMetricsAsArray().map(({ name }) => name);
  }

  /** From here on, `reader` sets the gauge at each scrape. */
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
        for (const combination of combinations(labels, this.#known)) counter.inc(combination, 0);
        return counter;
      }
      case 'gauge': {
        const gauge = new Gauge({
          ...common,
          async collect() {
            await readers.get(key)?.(this);
          },
        });
        for (const combination of combinations(labels, this.#known)) gauge.set(combination, 0);
        return gauge;
      }
      case 'histogram': {
        const histogram = new Histogram({ ...common, ...(buckets && { buckets: [...buckets] }) });
        for (const combination of combinations(labels, this.#known)) histogram.zero(combination);
        return histogram;
      }
    }
  }
}

/** Every combination of the labels' values; none where there is a label whose values are not known. */
function combinations(labels: NonNullable<MetricSpec['labels']>, known: RuntimeLabelValues): Record<string, string>[] {
  return Object.entries(labels).reduce<Record<string, string>[]>(
    (found, [label, values]) =>
      found.flatMap((one) => (values ?? known[label] ?? []).map((value) => ({ ...one, [label]: value }))),
    [{}],
  );
}

/** The catalogue as Markdown, for the documentation. */
export function formatMetricsMarkdown(catalogue: Catalogue): string {
  const rows = Object.values(catalogue).map(({ name, type, unit, labels = {}, question, help }) => {
    const shown = Object.entries(labels).map(
      ([label, values]) => `\`${label}\`${values ? `: ${values.map((value) => `\`${value}\``).join(' ')}` : ''}`,
    );
    return `| \`${name}\` | ${type} | ${unit} | ${shown.join('<br>')} | ${question} | ${help} |`;
  });
  return [
    '| metric | type | unit | labels | the question it answers | meaning |',
    '| --- | --- | --- | --- | --- | --- |',
    ...rows,
  ].join('\n');
}
