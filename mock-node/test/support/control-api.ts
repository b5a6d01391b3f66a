import { ADDRESS, API, createChunk, setUpMockNode, sha256 } from './mock-node.ts';

interface Sending {
  readonly body?: unknown;
  readonly headers?: Record<string, string>;
}

/** A node with its control API for each test of a file. It uses raw HTTP instead of the client and its schemas. */
export function setUpControlApi(options: Parameters<typeof setUpMockNode>[0] = {}) {
  const node = setUpMockNode(options);
  const ask = async (method: string, path: string, { body, headers = {} }: Sending = {}) => {
    const type = body === undefined ? {} : { 'Content-Type': 'application/json' };
    const response = await fetch(`${node.controlUrl()}/__admin${path}`, {
      method,
      headers: { ...type, ...headers },
      ...(body !== undefined && { body: typeof body === 'string' ? body : JSON.stringify(body) }),
    });
    const text = await response.text();
    const isJson = response.headers.get('content-type')?.startsWith('application/json');
    return {
      status: response.status,
      headers: response.headers,
      text,
      json: isJson && text !== '' ? JSON.parse(text) : undefined,
    };
  };
  return {
    ...node,
    ask,
    start: async (options: Parameters<typeof node.start>[0] = {}) => await node.start({ controlPort: 0, ...options }),
    /** The changes in the log. */
    loggedChanges: () =>
      node.log().flatMap(({ level, message, fields }) => (level === 'info' ? [{ message, ...fields }] : [])),
    /** A contract of a new farmer, and the means to answer its challenges. */
    async farm() {
      const token = await node.newToken();
      const { secret, file_hash: hash, challenge } = await node.acceptContract(token);
      return {
        token,
        secret,
        hash,
        challenge,
        response: sha256(createChunk(secret), challenge),
        answer: async (open: string = challenge) =>
          (await node.get(`${API}/challenge/${token}/${hash}/${sha256(createChunk(secret), open)}`)).json,
      };
    },
    register: async () => await node.get(`${API}/new/${ADDRESS}`),
  };
}
