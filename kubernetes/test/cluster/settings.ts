/**
 * The settings of the cluster tests. Only the named context is ever used, so that no other cluster is touched by
 * accident.
 *
 * @throws if CLUSTER_CONTEXT is not set
 */
export function readClusterSettings(env: NodeJS.ProcessEnv = process.env): ClusterSettings {
  const context = env['CLUSTER_CONTEXT'];
  if (!context)
    throw new Error(
      'CLUSTER_CONTEXT is not set: name the context of a cluster for tests (kubectl config get-contexts), such as kind-kind',
    );
  return {
    context,
    loadImages: env['CLUSTER_LOAD_IMAGES'] || 'kind load docker-image',
    power: env['CLUSTER_POWER'] || undefined,
    sharedFolder: env['CLUSTER_SHARED_FOLDER'] || undefined,
  };
}

export interface ClusterSettings {
  /** CLUSTER_CONTEXT: the kubectl context of the cluster. */
  readonly context: string;
  /** CLUSTER_LOAD_IMAGES: a command that copies the images in its arguments to the cluster's machines. */
  readonly loadImages: string;
  /** CLUSTER_POWER: a command that takes `off` or `on` and a machine, which fails without notice or returns. */
  readonly power: string | undefined;
  /** CLUSTER_SHARED_FOLDER: a folder of this computer that all machines mount at the same path, for network volumes. */
  readonly sharedFolder: string | undefined;
}
