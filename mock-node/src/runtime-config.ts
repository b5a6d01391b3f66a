import { type Config, type ConfigChange, config as configSchema } from '@downstream/control-api';

export class RuntimeConfig {
  readonly #initial: Config;
  #current: Config;

  constructor(initial: Config) {
    this.#initial = initial;
    this.#current = initial;
  }

  get current(): Config {
    return this.#current;
  }

  update(change: ConfigChange): void {
    const defined = Object.fromEntries(Object.entries(change).filter(([, value]) => value !== undefined));
    this.#current = configSchema.parse({ ...this.#current, ...defined });
  }

  reset(): void {
    this.#current = this.#initial;
  }
}
