import { BlockList, isIP } from 'node:net';

/** An HTTP proxy for requests to nodes and downloads. */
export interface HttpProxy {
  /** `http://user:password@host:port`; user and password are optional. */
  readonly url: string;
  /** Hosts that are reached directly: names, which include their subdomains, addresses, and networks (`10.0.0.0/8`). */
  readonly exceptions: readonly string[];
}

const LOOPBACK = ['localhost', '127.0.0.0/8', '::1', '0.0.0.0', '::'];

/** Whether this can be an exception of a proxy. */
export function isException(text: string): boolean {
  const [address = '', prefix, ...rest] = text.split('/');
  if (prefix === undefined) return /^(\*|\*?\.?[\w-][\w.-]*)$/.test(text) || isIP(text) > 0;
  const maxPrefix = { 0: -1, 4: 32, 6: 128 }[isIP(address)] ?? -1;
  return rest.length === 0 && /^\d{1,3}$/.test(prefix) && Number(prefix) <= maxPrefix;
}

/**
 * Whether requests to a host do not use the proxy. The machine itself is never reached through a proxy, which would
 * mean its own loopback interface.
 *
 * @param hostname as in a URL
 */
export function isReachedDirectly(hostname: string, exceptions: readonly string[]): boolean {
  const host = hostname.replace(/^\[|\]$/g, '').toLowerCase();
  return [...LOOPBACK, ...exceptions].some((exception) => matches(host, exception.toLowerCase()));
}

function matches(host: string, exception: string): boolean {
  const version = isIP(host);
  const [address = '', prefix] = exception.split('/');
  if (version === 0 || isIP(address) === 0) {
    const name = exception.replace(/^\*?\./, '');
    return exception === '*' || host === name || host.endsWith(`.${name}`);
  }
  const list = new BlockList();
  const family = isIP(address) === 6 ? 'ipv6' : 'ipv4';
  if (prefix === undefined) list.addAddress(address, family);
  else list.addSubnet(address, Number(prefix), family);
  // An IPv4 address that is written as IPv6 is checked as IPv4.
  return list.check(host, version === 6 ? 'ipv6' : 'ipv4');
}
