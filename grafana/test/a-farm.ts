import { createHash } from 'node:crypto';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { randomio } from '@downstream/file-encryptor';
import { startMockNode } from '@downstream/mock-node';
import { silentLogger } from '@downstream/platform';
import { startFarmer } from '../../farmer/src/app.ts';
import { readConfig } from '../../farmer/src/config.ts';

/** A real farmer and a real mock node, in this process. */
export interface AFarm {
  readonly nodeUrl: string;
  readonly farmerUrl: string;
  /** Where the farmer keeps its chunks. */
  readonly chunks: string;
  stop(): Promise<void>;
}

interface Options {
  readonly intervalMs: number;
  readonly contracts: number;
  readonly chunkBytes: number;
  /** Failures in a row that end a contract; the mock node's own default without. */
  readonly maxFailures?: number;
  /** Where the farmer finds the node; the node's own URL without. */
  readonly by?: (nodeUrl: string) => Promise<string>;
}

/** Starts a mock node, then a farmer for it, with a small genesis file so that chunks are small too. */
export async function aFarm({
  intervalMs,
  contracts,
  chunkBytes,
  maxFailures = 10,
  by = async (url) => url,
}: Options): Promise<AFarm> {
  const folder = mkdtempSync(join(tmpdir(), 'a-farm-'));
  const genesisPath = join(folder, 'genesis');
  const genesis = Buffer.concat([...randomio('a farm', chunkBytes)]);
  const genesisSha256 = createHash('sha256').update(genesis).digest('hex');
  writeFileSync(genesisPath, genesis);
  const node = await startMockNode({ port: 0, intervalMs, maxFailures, genesisPath, genesisSha256 });
  const config = readConfig({
    env: {
      FARMER_NODE_URL: await by(node.url),
      FARMER_ADDRESS: '19qVgG8C6eXwKMMyvVegsi3xCsKyk3Z3jV',
      FARMER_DATA_DIR: join(folder, 'data'),
      FARMER_SIZE: String(contracts * chunkBytes),
      FARMER_GENESIS: genesisPath,
      FARMER_GENESIS_SHA256: genesisSha256,
      FARMER_HTTP_PORT: '0',
      FARMER_POLL_INTERVAL: `${intervalMs / 10}ms`,
      FARMER_WORKERS: '2',
    },
  });
  const farmer = await startFarmer(config, {
    log: silentLogger,
    secrets: new Set(),
    onFault: (error) => {
      throw error;
    },
  });
  return {
    nodeUrl: node.url,
    farmerUrl: farmer.url,
    chunks: join(folder, 'data', 'chunks'),
    stop: async () => {
      await farmer.stop();
      await node.close();
      rmSync(folder, { recursive: true, force: true });
    },
  };
}
