import { createServer, type RequestListener, type Server } from 'node:http';
import { CodedError, getErrorCode } from './errors.ts';

/** A server that could not start listening. */
export class ListenError extends CodedError<
  'port_in_use' | 'permission_denied' | 'address_not_available' | 'listen_failed'
> {}

/** A listening HTTP server. */
export interface HttpServer {
  /** Where it can be reached, with the port it really got: `http://127.0.0.1:8080`. */
  readonly url: string;
  readonly port: number;
  /** Stops taking connections, lets requests under way finish for a moment, then cuts the rest. */
  close(): Promise<void>;
  /** Cuts every connection, and has new ones refused, as if nothing listened here. */
  refuse(): void;
  /** Listens again where it did. @throws ListenError where somebody else does by now */
  resume(): Promise<void>;
}

const CLOSE_GRACE_MS = 500;

/**
 * Listens on `host:port` (port 0: any free one).
 *
 * @param at.maxConnections further ones are cut as they come: each holds a file handle. No bound if not given
 * @throws ListenError whose message names the address and says what to do
 */
export async function listen(
  handler: RequestListener,
  {
    host,
    port,
    setting,
    maxConnections,
  }: { host: string; port: number; setting: string; maxConnections?: number | undefined },
): Promise<HttpServer> {
  const server = createServer(handler);
  if (maxConnections !== undefined) server.maxConnections = maxConnections;
  const open = async (at: number) =>
    await new Promise<void>((resolve, reject) => {
      const fail = (error: unknown) => reject(toListenError(error, { host, port: at, setting }));
      server.once('error', fail);
      server.listen(at, host, () => {
        server.off('error', fail);
        resolve();
      });
    });
  await open(port);
  const address = server.address();
  const actual = typeof address === 'object' && address !== null ? address.port : port;
  const name = host.includes(':') ? `[${host}]` : host;
  return {
    url: `http://${name}:${actual}`,
    port: actual,
    close: async () => await close(server),
    refuse: () => {
      server.close();
      server.closeAllConnections();
    },
    resume: async () => {
      if (!server.listening) await open(actual);
    },
  };
}

async function close(server: Server): Promise<void> {
  const cut = setTimeout(() => server.closeAllConnections(), CLOSE_GRACE_MS);
  await new Promise<void>((resolve) => {
    server.close(() => resolve());
    server.closeIdleConnections();
  });
  clearTimeout(cut);
}

function toListenError(error: unknown, at: { host: string; port: number; setting: string }): ListenError {
  const { host, port, setting } = at;
  const details = { host, port };
  switch (getErrorCode(error)) {
    case 'EADDRINUSE':
      return new ListenError(
        'port_in_use',
        `port ${port} on ${host} is already taken: stop what listens there, or choose another with ${setting}`,
        details,
      );
    case 'EACCES':
      return new ListenError(
        'permission_denied',
        `port ${port} needs privileges: choose one above 1023 with ${setting}`,
        details,
      );
    case 'EADDRNOTAVAIL':
    case 'ENOTFOUND':
      return new ListenError(
        'address_not_available',
        `this machine has no address ${host} to listen on: choose one of its own, or 0.0.0.0 for all, with ${setting.replace(/(CONTROL_)?PORT$/, 'HOST')}`,
        details,
      );
    default:
      return new ListenError('listen_failed', `cannot listen on ${host}:${port}`, details, { cause: error });
  }
}
