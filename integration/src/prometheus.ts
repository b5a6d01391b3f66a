import { fetchJson } from './scrape.ts';

interface Rule {
  readonly name: string;
  readonly type: 'alerting' | 'recording';
  readonly health: 'ok' | 'unknown' | 'err';
  readonly lastError?: string;
}

/** The part of a Prometheus server's HTTP API that the tests use. */
export class Prometheus {
  readonly #url: string;

  constructor(url: string) {
    this.#url = url;
  }

  /** Returns the health of each target by job. */
  async targets(): Promise<Record<string, string>> {
    const { activeTargets } = await this.#get<{ activeTargets: { labels: { job: string }; health: string }[] }>(
      'targets',
    );
    return Object.fromEntries(activeTargets.map(({ labels, health }) => [labels.job, health]));
  }

  /** Returns all loaded rules. */
  async rules(): Promise<Rule[]> {
    const { groups } = await this.#get<{ groups: { rules: Rule[] }[] }>('rules');
    return groups.flatMap(({ rules }) => rules);
  }

  /** Returns the current samples of a query, without labels. */
  async query(query: string): Promise<number[]> {
    const { result } = await this.#get<{ result: { value: [number, string] }[] }>(
      `query?query=${encodeURIComponent(query)}`,
    );
    return result.map(({ value: [, value] }) => Number(value));
  }

  async #get<T>(path: string): Promise<T> {
    return (await fetchJson<{ data: T }>(`${this.#url}/api/v1/${path}`)).data;
  }
}
