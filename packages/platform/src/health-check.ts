import { readdirSync, readFileSync, readlinkSync } from 'node:fs';
import { get } from 'node:http';

/** Where a process accepts TCP connections. */
export interface Address {
  readonly host: string;
  readonly port: number;
}

const LISTENING = '0A';
const TIMEOUT_MS = 3_000;

/**
 * Finds where a process and its descendants listen, from the tables of the Linux kernel: flags, variables and scripts
 * may all set addresses. A wildcard address becomes loopback.
 */
export function findListeners(pid: number): Address[] {
  const own = new Set(findDescendants(pid).flatMap(listSockets));
  const rows = ['tcp', 'tcp6'].flatMap((table) => readLines(`/proc/${pid}/net/${table}`));
  return rows.flatMap((row) => {
    const [, local = '', , state, , , , , , inode = ''] = row.trim().split(/\s+/);
    return state === LISTENING && own.has(`socket:[${inode}]`) ? [parseAddress(local)] : [];
  });
}

/** Sends a GET request. @returns the status; undefined if there is no response in time */
export async function fetchStatus({ host, port }: Address, path: string): Promise<number | undefined> {
  return await new Promise((resolve) => {
    get({ host, port, path, timeout: TIMEOUT_MS, agent: false }, (response) => {
      response.resume();
      resolve(response.statusCode);
    })
      .on('timeout', () => resolve(undefined))
      .on('error', () => resolve(undefined));
  });
}

/** A process and its descendants. */
function findDescendants(pid: number): number[] {
  const all = readdirSync('/proc').filter((name) => /^\d+$/.test(name));
  const parents = new Map(all.map((name) => [Number(name), readParent(name)]));
  const found = [pid];
  // The list grows while it is read.
  for (const parent of found) for (const [child, of] of parents) if (of === parent) found.push(child);
  return found;
}

/** The name in parentheses may contain anything, so the fields are counted from behind it. */
function readParent(pid: string): number | undefined {
  const [stat = ''] = readLines(`/proc/${pid}/stat`);
  const [, parent] = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  return parent === undefined ? undefined : Number(parent);
}

function listSockets(pid: number): string[] {
  const folder = `/proc/${pid}/fd`;
  try {
    return readdirSync(folder).flatMap((name) => {
      try {
        return [readlinkSync(`${folder}/${name}`)];
      } catch {
        return [];
      }
    });
  } catch {
    return [];
  }
}

function readLines(path: string): string[] {
  try {
    return readFileSync(path, 'utf8').split('\n');
  } catch {
    return [];
  }
}

/** Parses `0100007F:1F90`: words of 32 bits in the byte order of the machine, which is little-endian. */
function parseAddress(text: string): Address {
  const [address = '', port = ''] = text.split(':');
  const words = address.match(/.{8}/g) ?? [];
  const bytes = Buffer.concat(words.map((word) => Buffer.from(word, 'hex').reverse()));
  return { host: formatHost(bytes), port: Number.parseInt(port, 16) };
}

function formatHost(bytes: Buffer): string {
  // IPv6 sockets accept IPv4 too, and a container may have no IPv6 loopback.
  if (bytes.every((byte) => byte === 0)) return '127.0.0.1';
  if (bytes.length === 4) return bytes.join('.');
  return bytes.toString('hex').replace(/(.{4})(?!$)/g, '$1:');
}
