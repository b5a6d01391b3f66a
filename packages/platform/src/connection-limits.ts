import type { IncomingMessage, Server, ServerOptions, ServerResponse } from 'node:http';
import type { Socket } from 'node:net';

export interface ConnectionLimits {
  /** Caps connections so that clients cannot exhaust file handles. */
  readonly max: number;
  /** Maximum connections from one IP address. */
  readonly maxPerClient: number;
}

/** A client must send the head of a request in 5 s, also on a new connection, and all of it in 15 s. */
export const REQUEST_TIMEOUTS: ServerOptions = {
  headersTimeout: 5_000,
  requestTimeout: 15_000,
  connectionsCheckingInterval: 1_000,
};
/** A client must accept some part of a pending response in this time. */
const READ_TIMEOUT_MS = 30_000;

interface Connection {
  readonly client: string;
  hasSentRequest: boolean;
  pendingResponses: number;
}

/**
 * Limits the connections of a server. A new connection is always accepted: at a limit, the least useful other one is
 * closed. So a client with many connections cannot keep health checks from being answered.
 */
export function limitConnections(server: Server, { max, maxPerClient }: ConnectionLimits): void {
  /** In the order of their last activity. */
  const connections = new Map<Socket, Connection>();
  const counts = new Map<string, number>();

  const forget = (socket: Socket) => {
    const connection = connections.get(socket);
    if (!connections.delete(socket) || connection === undefined) return;
    const left = (counts.get(connection.client) ?? 0) - 1;
    if (left > 0) counts.set(connection.client, left);
    else counts.delete(connection.client);
  };
  const recordActivity = (socket: Socket, connection: Connection) => {
    if (!connections.delete(socket)) return;
    connections.set(socket, connection);
  };
  const closeLeastUseful = (isCandidate: (connection: Connection) => boolean) => {
    let found: { readonly socket: Socket; readonly usefulness: number } | undefined;
    for (const [socket, connection] of connections) {
      const usefulness = getUsefulness(connection);
      if (isCandidate(connection) && (found === undefined || usefulness < found.usefulness))
        found = { socket, usefulness };
    }
    if (found === undefined) return;
    forget(found.socket);
    found.socket.destroy();
  };

  server.on('connection', (socket) => {
    const client = socket.remoteAddress ?? '';
    if ((counts.get(client) ?? 0) >= maxPerClient) closeLeastUseful((other) => other.client === client);
    else if (connections.size >= max) closeLeastUseful(() => true);
    connections.set(socket, { client, hasSentRequest: false, pendingResponses: 0 });
    counts.set(client, (counts.get(client) ?? 0) + 1);
    socket.once('close', () => forget(socket));
  });
  server.prependListener('request', ({ socket }: IncomingMessage, response: ServerResponse) => {
    const connection = connections.get(socket);
    if (connection === undefined) return;
    connection.hasSentRequest = true;
    connection.pendingResponses += 1;
    recordActivity(socket, connection);
    response.once('close', () => {
      connection.pendingResponses -= 1;
      recordActivity(socket, connection);
    });
  });
  server.setTimeout(READ_TIMEOUT_MS, (socket) => {
    // A handler may take longer. Then nothing waits for the client.
    const isBusy = (connections.get(socket)?.pendingResponses ?? 0) > 0;
    if (!isBusy || socket.writableLength > 0) socket.destroy();
  });
}

function getUsefulness({ hasSentRequest, pendingResponses }: Connection): number {
  if (pendingResponses > 0) return 2;
  return hasSentRequest ? 1 : 0;
}
