import { setTimeout as pause } from 'node:timers/promises';
import type { FarmerService } from './services.ts';

/**
 * Node samples the event loop by a timer of 10 ms and takes the whole time between two ticks: of a loop that is never late it says
 * 10 ms. Taken off, what is left is the delay.
 */
const SAMPLING_MS = 10;
/** As often as a Prometheus server usually looks. */
const SCRAPE_MS = 15_000;

export interface Watched {
  /** Challenges that came out one way or the other meanwhile. */
  readonly passed: number;
  readonly failed: number;
  /** User and system time of all the process's threads. */
  readonly cpuMs: number;
  /** The highest 99th percentile of any scrape. Work done for the scrape itself is in it. */
  readonly delayP99Ms: number;
}

/** Watches a farmer for a time as an operator's Prometheus would. */
export async function watch(farmer: FarmerService, forMs: number): Promise<Watched> {
  // The first scrape also starts the event loop's statistics anew.
  const before = await farmer.scrape();
  const end = performance.now() + forMs;
  let now = before;
  let delayP99Ms = 0;
  for (let leftMs = forMs; leftMs > 0; leftMs = end - performance.now()) {
    await pause(Math.min(SCRAPE_MS, leftMs));
    now = await farmer.scrape();
    delayP99Ms = Math.max(delayP99Ms, now('nodejs_eventloop_lag_p99_seconds') * 1000 - SAMPLING_MS);
  }
  const grown = (name: string) => now(name) - before(name);
  return {
    passed: grown('farmer_challenges_passed_total'),
    failed: grown('farmer_challenges_failed_total'),
    cpuMs: grown('process_cpu_seconds_total') * 1000,
    delayP99Ms,
  };
}
