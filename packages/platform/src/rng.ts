/** Dice: handed to whatever draws, so that tests know the throw. */
export interface Rng {
  /** A number in [0, 1). */
  random(): number;
}

export const systemRng: Rng = { random: () => Math.random() };
