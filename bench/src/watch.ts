import { setTimeout as pause } from 'node:timers/promises';
import type { Service } from './services.ts';

/**
 * Node samples the event loop by a timer of 10 ms and takes the whole time between two ticks: of a loop that is never late it says
 * 10 ms. Taken off, what is left is the delay.
 */
const SAMPLING_MS = 10;
/** As often as a Prometheus server usually looks. */
const SCRAPE_MS = 15_000;

export interface Observation {
  /** How much a counter rose meanwhile. */
  readonly risen: (counter: string) => number;
  /** User and system time of all the process's threads. */
  readonly cpuMs: number;
  /** The highest 99th percentile of any scrape. Work done for the scrape itself is in it. */
  readonly delayP99Ms: number;
}

/** Watches a service for a time as an operator's Prometheus would. */
export async function watch(service: Service, forMs: number): Promise<Observation> {
  // The first scrape also starts the event loop's statistics anew.
  const before = await service.scrape();
  const end = performance.now() + forMs;
  let now = before;
  let delayP99Ms = 0;
  for (let leftMs = forMs; leftMs > 0; leftMs = end - performance.now()) {
    await pause(Math.min(SCRAPE_MS, leftMs));
    now = await service.scrape();
    delayP99Ms = Math.max(delayP99Ms, now('nodejs_eventloop_lag_p99_seconds') * 1000 - SAMPLING_MS);
  }
  const [first, last] = [before, now];
  const risen = (counter: string) => last(counter) - first(counter);
  return { risen, cpuMs: risen('process_cpu_seconds_total') * 1000, delayP99Ms };
}
