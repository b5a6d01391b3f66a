export { inTime, TimeoutError, withTimeout } from './abort.ts';
export { type BackoffPolicy, backoffMs } from './backoff.ts';
export { formatBytes, parseBytes } from './bytes.ts';
export { type Clock, type Instant, SteadyClock, systemClock, type TimeSources } from './clock.ts';
export { CodedError, codeOf, type Details, messageOf } from './errors.ts';
export { exit } from './exit.ts';
export { flush, flushSync } from './flush.ts';
export { type HttpServer, ListenError, listen } from './http-server.ts';
export { Lane } from './lane.ts';
export {
  createLogger,
  LOG_FORMATS,
  LOG_LEVELS,
  type LogFields,
  type Logger,
  type LoggerOptions,
  type LogLine,
  LogTail,
  silentLogger,
  withFields,
} from './logger.ts';
export { type Catalogue, MetricSet, type MetricSpec, metricsMarkdown, type Scrape } from './metrics.ts';
export { onAbort } from './on-abort.ts';
export { outliveOutput } from './output.ts';
export { PAGE_POLICY } from './page-policy.ts';
export { type Rng, systemRng } from './rng.ts';
export {
  flagsByKey,
  type Given,
  parseSettings,
  type Setting,
  type Settings,
  SettingsError,
  settingsMarkdown,
  type Values,
} from './settings.ts';
export { Shutdown } from './shutdown.ts';
export { packageVersion } from './version.ts';
