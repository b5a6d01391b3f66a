/*
 * What farmers send to a node of the v1 API. Like the original node, these parsers do not reject malformed input: they
 * return the entries up to the first invalid one, and nothing if the body is not the expected JSON.
 */

/** A contract as a farmer names it. */
export interface ContractReference {
  readonly number: number;
  /** As it was sent: the number or its decimal text. */
  readonly id: number | string;
}

export interface ReceivedProof extends ContractReference {
  /** Undefined if it is missing. */
  readonly proof: unknown;
}

/** Parses the body of `POST /challenge`. Of references to the same contract, the last one counts. */
export function parseContractIds(body: unknown): ContractReference[] {
  return collect(readList(body, 'hashes'), readReference);
}

/** Parses the body of `POST /answer`. Of proofs for the same contract, the last one counts. */
export function parseProofs(body: unknown): ReceivedProof[] {
  return collect(readList(body, 'proofs'), (entry) => {
    const { file_hash: id, proof } = isObject(entry) ? entry : {};
    const reference = readReference(id);
    return reference && { ...reference, proof };
  });
}

function readReference(id: unknown): ContractReference | undefined {
  if (typeof id === 'string') return /^\d{1,15}$/.test(id) ? { number: Number(id), id } : undefined;
  return typeof id === 'number' && Number.isSafeInteger(id) && id >= 0 ? { number: id, id } : undefined;
}

function collect<T extends ContractReference>(
  entries: readonly unknown[],
  read: (entry: unknown) => T | undefined,
): T[] {
  const found = new Map<number, T>();
  for (const entry of entries) {
    const value = read(entry);
    if (value === undefined) break;
    found.set(value.number, value);
  }
  return [...found.values()];
}

function readList(body: unknown, name: string): readonly unknown[] {
  const list = isObject(body) ? body[name] : undefined;
  return Array.isArray(list) ? list : [];
}

function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
