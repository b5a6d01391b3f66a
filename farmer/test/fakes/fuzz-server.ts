import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { parentPort, workerData } from 'node:worker_threads';

/**
 * A node in a thread of its own whose every reply is a sound one that was spoilt, in another way each time: the same seed spoils
 * the same way.
 */

const seed: number = workerData.seed;

/** Mulberry32. */
let state = seed;
function random(): number {
  state = (state + 0x6d2b79f5) | 0;
  let t = Math.imul(state ^ (state >>> 15), 1 | state);
  t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
  return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32;
}
const below = (most: number) => Math.floor(random() * most);
const oneOf = <T>(values: readonly [T, ...T[]]): T => values[below(values.length)] ?? values[0];

const HASH = '05ec'.padEnd(64, '0');
const SOUND: Record<string, unknown> = {
  new: { token: 'a1b2c3d4e5f60718293a4b5c6d7e8f90' },
  chunk: { secret: 'd9fc3360c7', file_hash: HASH, challenge: '0.012381234', interval: 60 },
  due: {
    all_contracts: [{ hash: HASH }, { hash: HASH.replace('05', '06') }],
    due_contracts: [{ hash: HASH, challenge: '0.5' }],
  },
  challenge: { status: 'pass' },
  remove: { status: 'ok' },
  challenges: { challenges: [{ filename: 'f', rootseed: 'r', block: 5, seed: 's' }] },
  answer: { msg: 'ok', match: true },
  connectivity: { msg: 'ok' },
  download: 'the bytes of a chunk '.repeat(20),
};

/** Values that no sender means well with. */
const ODD: readonly [unknown, ...unknown[]] = [
  null,
  true,
  -1,
  0,
  1e308,
  Number.MAX_SAFE_INTEGER + 2,
  0.1 + 0.2,
  '',
  '../../../../etc/passwd',
  '/etc/passwd\0.txt',
  'x'.repeat(70_000),
  '\u0000\uffff\ud800',
  `${'../'.repeat(30)}tmp/fuzzed`,
  'http://169.254.169.254/latest/meta-data',
  'file:///etc/passwd',
  HASH.toUpperCase(),
  [],
  [[[[[[]]]]]],
  {},
  { toString: 'x', constructor: 1 },
  JSON.parse('{"__proto__": {"polluted": true}}'),
];

/** The same value with something in it made odd. */
function odd(value: unknown): unknown {
  if (typeof value !== 'object' || value === null || random() < 0.15) return oneOf(ODD);
  if (Array.isArray(value)) {
    if (random() < 0.2) return [...value, ...value, oneOf(ODD)];
    if (random() < 0.05) return Array.from({ length: 2_000 }, () => value[0]);
    const at = below(value.length);
    return value.map((each, n) => (n === at ? odd(each) : each));
  }
  const keys = Object.keys(value);
  const key = keys[below(keys.length)] ?? 'x';
  if (random() < 0.15) return { ...value, [`${key}2`]: oneOf(ODD) };
  if (random() < 0.15) return Object.fromEntries(Object.entries(value).filter(([name]) => name !== key));
  return { ...value, [key]: odd((value as Record<string, unknown>)[key]) };
}

function spoilt(body: Buffer): Buffer {
  const at = below(body.length + 1);
  switch (below(6)) {
    case 0: {
      const flipped = Buffer.from(body);
      for (let n = below(4); n >= 0; n--) flipped[below(flipped.length)] = below(256);
      return flipped;
    }
    case 1:
      return body.subarray(0, at);
    case 2:
      return Buffer.concat([body.subarray(0, at), body]);
    case 3:
      return Buffer.concat([body.subarray(0, at), Buffer.from(Array.from({ length: below(200) }, () => below(256)))]);
    case 4:
      return Buffer.concat([Buffer.from('['.repeat(below(5_000))), body]);
    default:
      return Buffer.concat([body, Buffer.from('\0'.repeat(below(100)))]);
  }
}

function bodyOf(route: string): Buffer {
  const sound = SOUND[route] ?? {};
  const text = (value: unknown) => Buffer.from(typeof value === 'string' ? value : JSON.stringify(value));
  switch (below(10)) {
    case 0:
      return text(sound);
    case 1:
      return text({ status: oneOf(['no_token', 'no_hash', 'no_chunks', 'error', 'pass', 'x'.repeat(1_000)]) });
    case 2:
    case 3:
    case 4:
    case 5:
      return text(odd(sound));
    default:
      return spoilt(text(random() < 0.5 ? sound : odd(sound)));
  }
}

function routeOf(path: string): string {
  if (path === '/') return 'connectivity';
  const [, , , name = '', inner] = path.split('/');
  return name === 'challenges' && inner === 'answer' ? 'answer' : name;
}

const server = createServer((request, response) => {
  request.resume();
  const body = bodyOf(routeOf(request.url ?? ''));
  const status = random() < 0.7 ? 200 : oneOf([201, 204, 206, 301, 302, 304, 400, 404, 418, 429, 500, 503, 599]);
  response.on('error', () => {});
  response.setHeader('Content-Type', oneOf(['application/json', 'text/html', 'application/octet-stream', 'x']));
  if (random() < 0.05) response.setHeader('Retry-After', oneOf(['1', '-5', 'soon', '9'.repeat(500)]));
  if (random() < 0.05) response.setHeader('Date', oneOf(['yesterday', '', '0']));
  if (random() < 0.02) response.setHeader('Location', 'http://127.0.0.1:1/');
  if (random() < 0.02) response.setHeader('Content-Encoding', oneOf(['gzip', 'br', 'deflate', 'nonsense']));
  const trouble = random();
  if (trouble < 0.02) {
    response.writeHead(status, { 'Content-Length': body.length + 10 });
    response.write(body, () => request.socket.destroy());
  } else if (trouble < 0.03) {
    request.socket.end(`HTTP/1.1 ${status} OK\r\nContent-Length: nonsense\r\n\r\n`);
  } else {
    response.writeHead(status).end(body);
  }
});
server.listen(0, '127.0.0.1', () => parentPort?.postMessage((server.address() as AddressInfo).port));
