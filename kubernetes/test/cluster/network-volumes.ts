import { chmodSync, mkdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { kubectl } from './commands.ts';

/**
 * Volumes that every machine can mount, in a folder that all machines share. They are bound by claims of the storage
 * class `name`.
 */
export class NetworkVolumes {
  readonly #name: string;
  readonly #folder: string;

  constructor(sharedFolder: string, name: string) {
    this.#name = name;
    this.#folder = join(sharedFolder, name);
  }

  async create(count: number): Promise<void> {
    const volumes = Array.from({ length: count }, (_, n) => this.#createVolume(n));
    await kubectl(['apply', '--filename=-'], {
      input: JSON.stringify({ apiVersion: 'v1', kind: 'List', items: volumes }),
    });
  }

  async remove(): Promise<void> {
    await kubectl(['delete', 'persistentvolume', `--selector=downstream-test=${this.#name}`, '--timeout=60s']);
    rmSync(this.#folder, { recursive: true, force: true });
  }

  #createVolume(n: number): object {
    const path = join(this.#folder, String(n));
    mkdirSync(path, { recursive: true });
    // The kubelet gives such volumes no owner.
    chmodSync(path, 0o777);
    return {
      apiVersion: 'v1',
      kind: 'PersistentVolume',
      metadata: { name: `${this.#name}-${n}`, labels: { 'downstream-test': this.#name } },
      spec: {
        storageClassName: this.#name,
        capacity: { storage: '1Gi' },
        accessModes: ['ReadWriteOnce'],
        persistentVolumeReclaimPolicy: 'Retain',
        hostPath: { path },
      },
    };
  }
}
