/** SeededRandom: handed to whatever draws, so that tests know the throw. */
export interface Random {
  /** A number in [0, 1). */
  random(): number;
}

export const systemRandom: Random = { random: () => Math.random() };
