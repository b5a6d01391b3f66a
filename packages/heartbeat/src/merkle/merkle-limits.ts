/** Limits the size of trees: the JSON of the largest tag has 6 MB. */
export const MAX_CHALLENGES = 65_536;
