import { createServer, type RequestListener, type Server } from 'node:http';
import { type ConnectionLimits, limitConnections, REQUEST_TIMEOUTS } from './connection-limits.ts';
import { CodedError, getErrorCode } from './errors.ts';

/** A server cannot listen on its address. */
export class ListenError extends CodedError<
  'port_in_use' | 'permission_denied' | 'address_not_available' | 'listen_failed'
> {}

/** A listening HTTP server. */
export interface HttpServer {
  /** The URL with the actual port: `http://127.0.0.1:8080`. */
  readonly url: string;
  readonly port: number;
  /** Stops listening, waits briefly for requests in progress, then closes all connections. */
  close(): Promise<void>;
  /** Stops listening and closes all connections. */
  stopListening(): void;
  /** Listens again on the same port. @throws ListenError */
  startListening(): Promise<void>;
}

const CLOSE_GRACE_MS = 500;
const DEFAULT_LIMITS: ConnectionLimits = { max: 1_024, maxPerClient: 1_024 };

/**
 * Starts an HTTP server. Port 0 selects a free port.
 *
 * @param options.setting the setting of the port, for error messages
 * @param options.limits limits of the connections
 * @throws ListenError with the address and a remedy
 */
export async function listen(
  handler: RequestListener,
  {
    host,
    port,
    setting,
    limits = DEFAULT_LIMITS,
  }: { host: string; port: number; setting: string; limits?: ConnectionLimits },
): Promise<HttpServer> {
  const server = createServer(REQUEST_TIMEOUTS, handler);
  limitConnections(server, limits);
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
    stopListening: () => {
      server.close();
      server.closeAllConnections();
    },
    startListening: async () => {
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
        `port ${port} on ${host} is in use: stop the other program, or choose another port with ${setting}`,
        details,
      );
    case 'EACCES':
      return new ListenError(
        'permission_denied',
        `permission denied for port ${port}: choose a port above 1023 with ${setting}`,
        details,
      );
    case 'EADDRNOTAVAIL':
    case 'ENOTFOUND':
      return new ListenError(
        'address_not_available',
        `${host} is not an address of this machine: set ${setting.replace(/(CONTROL_)?PORT$/, 'HOST')} to one, or to 0.0.0.0 for all of its addresses`,
        details,
      );
    default:
      return new ListenError('listen_failed', `cannot listen on ${host}:${port}`, details, { cause: error });
  }
}
