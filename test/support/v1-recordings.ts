import { readFileSync } from 'node:fs';

/** A recorded request to the original node of the v1 API, and its response. */
export interface Exchange {
  readonly note: string;
  readonly request: {
    readonly method: string;
    readonly path: string;
    readonly headers: Readonly<Record<string, string>>;
    readonly body: string | null;
  };
  readonly response: {
    readonly status: number;
    readonly contentType: string | null;
    // biome-ignore lint/suspicious/noExplicitAny: recorded by an independent client.
    readonly json?: any;
    readonly text?: string;
  };
}

export function readExchanges(name: string): Exchange[] {
  return JSON.parse(readFileSync(new URL(`../fixtures/v1/${name}.json`, import.meta.url), 'utf8'));
}
