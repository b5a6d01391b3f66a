import { X509Certificate } from 'node:crypto';
import { readFile, stat } from 'node:fs/promises';
import { getCACertificates } from 'node:tls';
import { getErrorCode, SettingsError } from '@downstream/platform';
import type { NetworkOptions } from './connection-pool.ts';

export interface NetworkSettings {
  readonly proxyUrl?: string | undefined;
  readonly noProxy: readonly string[];
  /** Certificates to trust besides those of Node.js. */
  readonly caFile?: string | undefined;
  /** Whether the certificates of the nodes are not verified. */
  readonly sslNoVerify?: boolean | undefined;
  readonly nodes?: readonly { readonly url: string }[] | undefined;
}

const MAX_CA_BYTES = 1024 * 1024;
const CERTIFICATE = /-----BEGIN CERTIFICATE-----[^-]+-----END CERTIFICATE-----/g;

/** Reads how nodes are reached. @throws SettingsError if the file of authorities is unusable */
export async function openNetwork(settings: NetworkSettings): Promise<NetworkOptions> {
  const { proxyUrl, noProxy, caFile } = settings;
  return {
    proxy: proxyUrl === undefined ? undefined : { url: proxyUrl, exceptions: noProxy },
    authorities:
      caFile === undefined ? undefined : [...getCACertificates('default'), ...(await readAuthorities(caFile))],
    unverifiedOrigins: findUnverifiedNodes(settings).map(({ url }) => new URL(url).origin),
  };
}

/** The nodes whose certificates are not verified. */
export function findUnverifiedNodes<Node extends { readonly url: string }>({
  sslNoVerify = false,
  nodes = [],
}: {
  readonly sslNoVerify?: boolean | undefined;
  readonly nodes?: readonly Node[] | undefined;
}): Node[] {
  return sslNoVerify ? nodes.filter(({ url }) => url.startsWith('https:')) : [];
}

async function readAuthorities(path: string): Promise<string[]> {
  const fail = (problem: string) =>
    new SettingsError([`FARMER_CA_FILE: expected a file with certificates in PEM format (got ${path}: ${problem})`]);
  try {
    const file = await stat(path);
    if (!file.isFile() || file.size > MAX_CA_BYTES) throw fail('not a file of at most 1 MiB');
    const certificates = (await readFile(path, 'utf8')).match(CERTIFICATE) ?? [];
    if (certificates.length === 0) throw fail('it contains no certificate');
    if (!certificates.every(isCertificate)) throw fail('it contains a damaged certificate');
    return certificates;
  } catch (error) {
    throw error instanceof SettingsError ? error : fail(getErrorCode(error) ?? 'not readable');
  }
}

function isCertificate(pem: string): boolean {
  try {
    return new X509Certificate(pem).raw.length > 0;
  } catch {
    return false;
  }
}
