import { once } from 'node:events';
import { createServer } from 'node:http';
import { buffer } from 'node:stream/consumers';
import { gzipSync } from 'node:zlib';
import { ROUTE_NAMES, ROUTES, type RouteName } from '@downstream/protocol';

const repeat = (text: string, bytes: number) => text.repeat(Math.floor(bytes / text.length));
/** Texts that differ, one after the other. */
const countUp = (bytes: number, toText: (n: number) => string) =>
  Array.from({ length: Math.floor(bytes / toText(0).length) }, (_, n) => toText(n)).join('');
const listing = (entries: string) => `{"all_contracts":[${entries}],"due_contracts":[]}`;
const toHash = (n: number) => n.toString(16).padStart(64, '0');
const toMember = (n: number) => `"${n.toString(16).padStart(8, '0')}":0,`;
const toDue = (n: number) => `{"hash":"${toHash(n)}","challenge":"${'é'.repeat(500)}"},`;

/** JSON of about this size that is expensive to parse, to validate or to keep. */
export const AMPLIFYING_BODIES = {
  numbers: (bytes) => listing(`${repeat('0,', bytes)}0`),
  'empty objects': (bytes) => listing(`${repeat('{},', bytes)}0`),
  'nested arrays': (bytes) => listing(repeat('[', bytes)),
  'nested objects': (bytes) => repeat('{"a":', bytes),
  'a long text': (bytes) => listing(`"${repeat('x', bytes)}"`),
  'escaped characters': (bytes) => listing(`"${repeat('\\u0000', bytes)}"`),
  'a long number': (bytes) => listing(repeat('1', bytes)),
  'equal members': (bytes) => `{${repeat('"a":0,', bytes)}"b":0}`,
  'different members': (bytes) => `{${countUp(bytes, toMember)}"b":0}`,
  'a long name': (bytes) => `{"${repeat('x', bytes)}":0}`,
  'entries with many members': (bytes) =>
    listing(`${countUp(bytes, (n) => `{${countUp(7_000, (m) => toMember((n << 12) + m))}"b":0},`)}0`),
  'unknown contracts': (bytes) => listing(`${countUp(bytes, (n) => `{"hash":"${toHash(n)}"},`)}0`),
  'unknown contracts with long challenges': (bytes) =>
    `{"all_contracts":[],"due_contracts":[${countUp(bytes, toDue)}0]}`,
  'white space': (bytes) => listing(repeat(' ', bytes)),
  'another list': (bytes) => `{"other":[${repeat('0,', bytes)}0],"all_contracts":[],"due_contracts":[]}`,
} as const satisfies Readonly<Record<string, (bytes: number) => string>>;

const offer = (tag: string, n = 1) =>
  `{"file_hash":${n},"seed":"s","size":1000,"challenge":{"seed":"c","index":0},"due":60,"tag":${tag}}`;
const offers = (...entries: string[]) => `{"chunks":[${entries.join(',')}]}`;

/** Responses with offers of the v1 API, for tags of about this size, that are expensive to parse or to keep. */
export const AMPLIFYING_OFFERS = {
  'several long tags': (bytes) =>
    offers(...Array.from({ length: 10 }, (_, n) => offer(`"${repeat('A', bytes / 5)}"`, n))),
  'a tag with escaped characters': (bytes) => offers(offer(`"${repeat('\\u0041', bytes)}"`)),
} as const satisfies Readonly<Record<string, (bytes: number) => string>>;

export interface HostileNode extends AsyncDisposable {
  readonly url: string;
  /** How often each route was answered with the body. */
  readonly responses: Map<RouteName, number>;
  /** Answers these routes with a body, compressed, instead of forwarding them. */
  answer(routes: readonly RouteName[], body: string): void;
}

const PATTERNS = ROUTE_NAMES.map(
  (name) => [name, new RegExp(`^${ROUTES[name].path.replace(/:\w+/g, '[^/]+')}$`)] as const,
);

/** Starts a proxy in front of a node that can answer some routes itself. */
export async function startHostileNode(nodeUrl: string): Promise<HostileNode> {
  const responses = new Map<RouteName, number>();
  let hostile: { routes: readonly RouteName[]; body: Buffer } = { routes: [], body: Buffer.alloc(0) };
  const server = createServer(async (request, response) => {
    const { url = '/', method = 'GET' } = request;
    const route = PATTERNS.find(([, pattern]) => pattern.test(url))?.[0] ?? 'connectivity';
    response.on('error', () => {});
    if (hostile.routes.includes(route)) {
      responses.set(route, (responses.get(route) ?? 0) + 1);
      response.writeHead(200, { 'Content-Encoding': 'gzip', 'Content-Type': 'application/json' }).end(hostile.body);
      return;
    }
    const body = await buffer(request);
    const forwarded = await fetch(`${nodeUrl}${url}`, { method, ...(body.length > 0 && { body }) });
    response.writeHead(forwarded.status).end(Buffer.from(await forwarded.arrayBuffer()));
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  if (address === null || typeof address === 'string') throw new Error('no port');
  return {
    url: `http://127.0.0.1:${address.port}`,
    responses,
    answer(routes, body) {
      responses.clear();
      hostile = { routes, body: gzipSync(body) };
    },
    async [Symbol.asyncDispose]() {
      server.close();
      server.closeAllConnections();
    },
  };
}
