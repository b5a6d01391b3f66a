/** The fields of a log line that the checks use. */
export interface FarmerLine {
  readonly message: string;
  readonly contract?: string;
  /** The node's name for the contract, if it is not the id. */
  readonly reference?: string | number;
  readonly route?: string;
  readonly reason?: string;
  /** The number of challenges that the line reports. */
  readonly count?: number;
}

/** Parses a JSON log line; undefined for other output, such as a stack trace. */
export function parseLine(text: string): FarmerLine | undefined {
  try {
    const value: unknown = JSON.parse(text);
    return isLine(value) ? value : undefined;
  } catch {
    return undefined;
  }
}

/** The farmer's own tests check the types of the other fields. */
function isLine(value: unknown): value is FarmerLine {
  return typeof value === 'object' && value !== null && 'message' in value && typeof value.message === 'string';
}
