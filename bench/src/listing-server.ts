import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { parentPort, workerData } from 'node:worker_threads';

/** A node in a worker thread that lists contracts, each with an open challenge. New challenges on each message. */
const hashes: readonly string[] = workerData;
let round = 0;
let body = createBody();

function createBody(): string {
  round += 1;
  return JSON.stringify({
    all_contracts: hashes.map((hash) => ({ hash })),
    due_contracts: hashes.map((hash) => ({ hash, challenge: `0.${hash.slice(0, 12)}${round}` })),
  });
}

parentPort?.on('message', () => {
  body = createBody();
  parentPort?.postMessage(round);
});
const server = createServer((_request, response) => void response.end(body));
server.listen(0, '127.0.0.1', () => parentPort?.postMessage((server.address() as AddressInfo).port));
