/** The fields of a log line that the checks use. */
export interface FarmerLine {
  readonly message: string;
  readonly contract?: string | undefined;
  readonly route?: string | undefined;
  readonly reason?: string | undefined;
  /** The number of challenges that the line reports. */
  readonly count?: number | undefined;
}

/** Parses a JSON log line; undefined for other output, such as a stack trace. */
export function parseLine(text: string): FarmerLine | undefined {
  const fields = parseObject(text);
  if (fields === undefined) return undefined;
  const { message, contract, route, reason, count } = fields;
  if (typeof message !== 'string') return undefined;
  return {
    message,
    contract: toText(contract),
    route: toText(route),
    reason: toText(reason),
    count: typeof count === 'number' ? count : undefined,
  };
}

function toText(value: unknown): string | undefined {
  return typeof value === 'string' ? value : undefined;
}

function parseObject(text: string): Record<string, unknown> | undefined {
  try {
    const value: unknown = JSON.parse(text);
    return typeof value === 'object' && value !== null ? { ...value } : undefined;
  } catch {
    return undefined;
  }
}
