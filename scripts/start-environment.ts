import { join } from 'node:path';
import { parseArgs } from 'node:util';

type Environment = Readonly<Record<string, string | undefined>>;

const DEMO_ADDRESS = '19qVgG8C6eXwKMMyvVegsi3xCsKyk3Z3jV';

/**
 * The environments in which `npm start` runs the mock node and the farmer. If the farmer's data directory is given and
 * thus kept, so is the node's state, in a file next to it, and the node has the same port each time. The farmer would
 * otherwise find a node that does not know its token.
 *
 * @param env the variables that are set; they take precedence
 * @param args the farmer's arguments
 * @param folder a temporary folder for data that is not kept
 */
export function createEnvironments(
  env: Environment,
  { args, folder }: { args: readonly string[]; folder: string },
): { node: Environment; farmer: Environment } {
  const { values } = parseArgs({ args: [...args], options: { 'data-dir': { type: 'string' } }, strict: false });
  const given = values['data-dir'] ?? env['FARMER_DATA_DIR'];
  // The first of several directories with capacities: `/mnt/a=1TB,/mnt/b=1TB`.
  const [dataDir = ''] = typeof given === 'string' ? given.split(/[=,]/) : [];
  const isKept = dataDir !== '';
  return {
    node: {
      MOCK_INTERVAL: '10',
      MOCK_STATE: isKept ? `${dataDir.replace(/\/+$/, '')}.mock-node.db` : join(folder, 'node.db'),
      MOCK_PORT: isKept ? '5000' : '0',
      MOCK_CONTROL_PORT: '0',
      ...env,
    },
    farmer: { FARMER_ADDRESS: DEMO_ADDRESS, FARMER_DATA_DIR: join(folder, 'farm'), FARMER_INIT: 'true', ...env },
  };
}
