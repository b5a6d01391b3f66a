import { createServer, type IncomingMessage, type RequestListener, type ServerResponse } from 'node:http';
import type { AddressInfo, Socket } from 'node:net';

/** An HTTP server on loopback that answers just as a test says, without any of our own parsing. */
export interface RawServer extends AsyncDisposable {
  readonly url: string;
  readonly requests: { method: string; url: string; body: string }[];
}

export async function rawServer(handler: RequestListener): Promise<RawServer> {
  const requests: RawServer['requests'] = [];
  const server = createServer((request: IncomingMessage, response: ServerResponse) => {
    let body = '';
    request.on('data', (piece: Buffer) => {
      body += piece.toString();
    });
    requests.push({ method: request.method ?? '', url: request.url ?? '', body });
    request.on('end', () => {
      const last = requests.at(-1);
      if (last) last.body = body;
      handler(request, response);
    });
  });
  const sockets = new Set<Socket>();
  server.on('connection', (socket) => sockets.add(socket));
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  return {
    url: `http://127.0.0.1:${port}`,
    requests,
    async [Symbol.asyncDispose]() {
      for (const socket of sockets) socket.destroy();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

/** Answers every request with the same status and body. */
export const always =
  (body: string, status = 200, type = 'application/json'): RequestListener =>
  (_request, response) => {
    response.writeHead(status, { 'Content-Type': type }).end(body);
  };
