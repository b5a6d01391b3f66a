import { monitorEventLoopDelay } from 'node:perf_hooks';
import { Gauge, type Registry } from 'prom-client';

/** Samples cost processor time: every 10 ms, the default of prom-client, they cost more than an idle service. */
const SAMPLE_EVERY_MS = 100;

/** prom-client's names, for which dashboards exist, and their percentiles. */
const PERCENTILES = {
  nodejs_eventloop_lag_p50_seconds: 50,
  nodejs_eventloop_lag_p90_seconds: 90,
  nodejs_eventloop_lag_p99_seconds: 99,
  nodejs_eventloop_lag_max_seconds: 100,
} as const;

/**
 * Measures how late the event loop runs a timer. Each scrape reports the samples since the previous one. Unlike in the
 * metrics of prom-client, the delay does not include the time between two samples.
 */
export function registerEventLoopMetrics(registry: Registry): void {
  const delays = monitorEventLoopDelay({ resolution: SAMPLE_EVERY_MS });
  delays.enable();
  const read = () => {
    if (delays.count === 0) return;
    for (const { gauge, percentile } of gauges) {
      gauge.set(Math.max(0, delays.percentile(percentile) / 1e9 - SAMPLE_EVERY_MS / 1e3));
    }
    delays.reset();
  };
  const gauges = Object.entries(PERCENTILES).map(([name, percentile], index) => {
    const help = `The event loop's delay: percentile ${percentile} of one sample per ${SAMPLE_EVERY_MS} ms since the last scrape.`;
    // A scrape reads the gauges in this order. The first one sets them all.
    return {
      gauge: new Gauge({ name, help, registers: [registry], ...(index === 0 && { collect: read }) }),
      percentile,
    };
  });
}
