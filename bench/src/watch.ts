import { setTimeout as sleep } from 'node:timers/promises';
import type { Service } from './services.ts';

/** Prometheus's usual scrape interval. */
const SCRAPE_MS = 15_000;

export interface Observation {
  /** By how much a counter increased. */
  readonly increase: (counter: string) => number;
  /** User and system time of all threads of the process. */
  readonly cpuMs: number;
  /** The highest 99th percentile of any scrape interval, including the work for the scrapes. */
  readonly delayP99Ms: number;
}

/** Scrapes a service for a time, as an operator's Prometheus would. */
export async function watch(service: Service, durationMs: number): Promise<Observation> {
  // Each scrape resets the statistics of the event loop.
  const first = await service.scrape();
  const end = performance.now() + durationMs;
  let last = first;
  let delayP99Ms = 0;
  for (let leftMs = durationMs; leftMs > 0; leftMs = end - performance.now()) {
    await sleep(Math.min(SCRAPE_MS, leftMs));
    last = await service.scrape();
    delayP99Ms = Math.max(delayP99Ms, last('nodejs_eventloop_lag_p99_seconds') * 1000);
  }
  const increase = (counter: string) => last(counter) - first(counter);
  return { increase, cpuMs: increase('process_cpu_seconds_total') * 1000, delayP99Ms };
}
