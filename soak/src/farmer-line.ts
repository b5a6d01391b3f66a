/** What is read of a line of the farmer's log. */
export interface FarmerLine {
  readonly message: string;
  readonly contract?: string | undefined;
  readonly route?: string | undefined;
  readonly reason?: string | undefined;
  /** How many challenges it is about. */
  readonly count?: number | undefined;
}

/** Reads a line of JSON; undefined for anything else, such as what a crash prints. */
export function readLine(text: string): FarmerLine | undefined {
  const fields = parsed(text);
  if (fields === undefined) return undefined;
  const { message, contract, route, reason, count } = fields;
  if (typeof message !== 'string') return undefined;
  return {
    message,
    contract: textOr(contract),
    route: textOr(route),
    reason: textOr(reason),
    count: typeof count === 'number' ? count : undefined,
  };
}

function textOr(value: unknown): string | undefined {
  return typeof value === 'string' ? value : undefined;
}

function parsed(text: string): Record<string, unknown> | undefined {
  try {
    const value: unknown = JSON.parse(text);
    return typeof value === 'object' && value !== null ? { ...value } : undefined;
  } catch {
    return undefined;
  }
}
