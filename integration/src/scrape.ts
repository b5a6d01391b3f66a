type Labels = Readonly<Record<string, string>>;

/** One scrape of a service's `/metrics`, in the Prometheus text format. */
export class Scrape {
  readonly #samples: { name: string; labels: Labels; value: number }[];

  constructor(text: string) {
    this.#samples = text
      .split('\n')
      .map((line) => /^([a-z_]+)(?:\{(.*)\})? (\S+)$/i.exec(line))
      .filter((match) => match !== null)
      .map(([, name = '', labels = '', value]) => ({ name, labels: parseLabels(labels), value: Number(value) }));
  }

  /**
   * Returns the sum of a metric over all series with these labels.
   *
   * @throws if there is no such series: every metric exists from the start
   */
  value(name: string, labels: Labels = {}): number {
    const wanted = Object.entries(labels);
    const found = this.#samples.filter(
      (sample) => sample.name === name && wanted.every(([label, value]) => sample.labels[label] === value),
    );
    if (found.length === 0) throw new Error(`no metric ${name}${JSON.stringify(labels)}`);
    return found.reduce((sum, { value }) => sum + value, 0);
  }

  /** Returns the sums of a metric by the values of one label, without zeros. */
  byLabel(name: string, label: string): Record<string, number> {
    const values = this.#samples.filter((sample) => sample.name === name).map(({ labels }) => labels[label] ?? '');
    const sums = values.map((value) => [value, this.value(name, { [label]: value })] as const);
    return Object.fromEntries(sums.filter(([, sum]) => sum !== 0));
  }
}

function parseLabels(text: string): Labels {
  return Object.fromEntries([...text.matchAll(/([a-z_]+)="([^"]*)"/gi)].map(([, label, value]) => [label, value]));
}

/** Scrapes the service at a base URL. */
export async function scrape(url: string): Promise<Scrape> {
  return new Scrape(await fetchText(`${url}/metrics`));
}

/** The part of a farmer's `/status` that the tests read. */
export interface FarmerStatus {
  readonly address: string;
  readonly nodes: readonly {
    readonly farmerId: string | null;
    readonly waiting: { readonly reason: string } | null;
    readonly contracts: { readonly total: number; readonly capacity: number };
  }[];
  readonly contracts: Readonly<Record<'total' | 'capacity' | 'generating' | 'proving' | 'answering', number>>;
  readonly disks: readonly { readonly state: string; readonly reason: string | null }[];
}

export async function fetchFarmerStatus(url: string): Promise<FarmerStatus> {
  return await fetchJson(`${url}/status`);
}

/** Returns the parsed response to a GET, without validation. */
export async function fetchJson<T>(url: string): Promise<T> {
  return JSON.parse(await fetchText(url));
}

async function fetchText(url: string): Promise<string> {
  const response = await fetch(url, { signal: AbortSignal.timeout(5_000) });
  if (!response.ok) throw new Error(`${url} responded with ${response.status}`);
  return await response.text();
}
