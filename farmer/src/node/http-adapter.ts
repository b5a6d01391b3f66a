import { type ClientRequest, type Agent as HttpAgent, request as httpRequest, type IncomingMessage } from 'node:http';
import { type Agent as HttpsAgent, request as httpsRequest } from 'node:https';
import { pipeline, type Readable } from 'node:stream';
import { createGunzip } from 'node:zlib';
import type { AxiosResponse, InternalAxiosRequestConfig } from 'axios';

export interface Transport {
  readonly agents: readonly [HttpAgent, HttpsAgent];
  /** False for a server whose certificate is not verified. */
  readonly rejectUnauthorized: boolean;
  /** Called with the request before it is sent. */
  readonly onRequest: (request: ClientRequest) => void;
}

/**
 * Adapter for axios: sends a request to an absolute URL and resolves with the response, whose body is a stream. The
 * adapter of axios also handles redirects, proxies, forms and progress, which takes most of the time of a request.
 */
export async function sendRequest(
  config: InternalAxiosRequestConfig,
  { agents: [httpAgent, httpsAgent], rejectUnauthorized, onRequest }: Transport,
): Promise<AxiosResponse<Readable>> {
  const { url = '', method = 'GET', data, signal } = config;
  const target = new URL(url);
  const options = {
    method: method.toUpperCase(),
    headers: { ...config.headers.toJSON(), 'Accept-Encoding': 'gzip' },
    ...(signal && { signal: signal as AbortSignal }),
  };
  const { promise, resolve, reject } = Promise.withResolvers<IncomingMessage>();
  const request =
    target.protocol === 'https:'
      ? httpsRequest(target, { ...options, agent: httpsAgent, rejectUnauthorized }, resolve)
      : httpRequest(target, { ...options, agent: httpAgent }, resolve);
  onRequest(request);
  request.on('error', reject).end(data);
  const response = await promise;
  const { statusCode = 0, statusMessage = '', headers } = response;
  return {
    data: decompress(response),
    status: statusCode,
    statusText: statusMessage,
    headers: headers as AxiosResponse['headers'],
    config,
    request,
  };
}

/** @returns the body; reading it fails if it is incomplete or cannot be decompressed */
function decompress(response: IncomingMessage): Readable {
  if (response.headers['content-encoding'] !== 'gzip') return response;
  // Readers of the stream get its error.
  return pipeline(response, createGunzip(), () => {});
}
