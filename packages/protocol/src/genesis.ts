/** The genesis file that every node and farmer can compute: 32 MiB of RandomIO from a fixed seed. */
export const STANDARD_GENESIS = {
  seed: 'downstream genesis',
  sizeBytes: 32 * 1024 * 1024,
  sha256: 'dd77b298cb0c48ade39b99a194b89bdd71b77c8b2bdfe87b588ce103d9ccf3d3',
} as const;
