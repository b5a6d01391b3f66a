export { runUnlessAborted, TimeoutError, waitAtMost, withTimeout } from './abort.ts';
export { computeBackoffMs } from './backoff.ts';
export { type BootTime, measureElapsedMs } from './boot-time.ts';
export { BufferedOutput, type OutputObserver } from './buffered-output.ts';
export { type Build, formatBuild, readBuild } from './build.ts';
export { formatBytes, parseBytes } from './bytes.ts';
export { type Clock, type Instant, systemClock } from './clock.ts';
export {
  checkGenesisSettings,
  createAllowedHostsSetting,
  createGenesisSettings,
  createHostSetting,
  createLogSettings,
  createSecretFileSetting,
  integerBetween,
  oneOf,
} from './common-settings.ts';
export { createDirectories } from './create-directories.ts';
export { CodedError, type Details, getErrorCode, getErrorMessage } from './errors.ts';
export { forEachInSlices, SLICE_MS, yieldToEventLoop } from './event-loop.ts';
export { exit } from './exit.ts';
export { flush, flushSync } from './flush.ts';
export { type HttpServer, ListenError, listen } from './http-server.ts';
export { IncidentLog } from './incident-log.ts';
export { parseJson } from './json.ts';
export { LogLimiter } from './log-limiter.ts';
export { type LogLine, LogTail } from './log-tail.ts';
export {
  createLogger,
  LOG_FORMATS,
  LOG_LEVELS,
  type LogFields,
  type Logger,
  type LogOutput,
  silentLogger,
  withFields,
} from './logger.ts';
export { maskCredentials, maskUsageError } from './mask.ts';
export { type Catalogue, formatMetricsMarkdown, MetricSet, type Scrape } from './metrics.ts';
export { nameSettings } from './name-settings.ts';
export { onAbort, waitForAbort } from './on-abort.ts';
export { findPathMistake } from './path-mistake.ts';
export { pathSchema } from './path-setting.ts';
export { ProcessOutput } from './process-output.ts';
export { createSeed, type Random, systemRandom } from './random.ts';
export { getFileProblem, openRegularFile, openRegularFileSync, readTextFileSync } from './regular-file.ts';
export { Secrets } from './secrets.ts';
export {
  type FileSetting,
  type Setting,
  type Settings,
  SettingsError,
  type SettingsInput,
  type Values,
} from './setting.ts';
export { getUsedNames } from './setting-sources.ts';
export {
  formatFlag,
  formatSettingHelp,
  formatSettingsMarkdown,
  listSettings,
  parseSettings,
  rejectWithHint,
  type SettingListing,
  toFlags,
} from './settings.ts';
export { Shutdown } from './shutdown.ts';
export { findSimilarName } from './similar-name.ts';
export { findUnknownVariables, formatUnknownVariables, type UnknownVariable } from './unknown-variables.ts';
