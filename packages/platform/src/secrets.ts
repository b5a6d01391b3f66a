/** Shorter texts are not redacted: they occur in other words. No node may issue a token that is shorter. */
const MIN_SECRET_LENGTH = 8;
/** The current secret, and the previous one, which requests in flight may still contain. */
const MAX_SECRETS_PER_OWNER = 2;

/**
 * The secrets that logs must not contain: those of the operator, and those that nodes have issued, by owner: the alias
 * of the node. A node chooses its secrets, so those of one node must not change lines about another.
 */
export class Secrets {
  readonly #byOwner = new Map<string, readonly string[]>();
  #operator: readonly string[] = [];

  /** The secrets of the operator, which no line may contain. */
  get operator(): readonly string[] {
    return this.#operator;
  }

  /** Adds a secret of the operator. */
  protect(secret: string): void {
    this.#operator = [...this.#operator, secret];
  }

  /** Forgets all but the previous secret of the owner. */
  remember(owner: string, secret: string): void {
    if (secret.length < MIN_SECRET_LENGTH) return;
    const others = (this.#byOwner.get(owner) ?? []).filter((other) => other !== secret);
    this.#byOwner.set(owner, [secret, ...others].slice(0, MAX_SECRETS_PER_OWNER));
  }

  /** The secrets of the operator and of an owner. @param owner all owners by default */
  list(owner?: string): readonly string[] {
    const issued = owner === undefined ? [...this.#byOwner.values()].flat() : (this.#byOwner.get(owner) ?? []);
    return [...this.#operator, ...issued];
  }
}

export function redact(text: string, secrets: readonly string[]): string {
  return secrets.reduce((left, secret) => left.replaceAll(secret, '[redacted]'), text);
}
