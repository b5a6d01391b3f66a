import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { parentPort, workerData } from 'node:worker_threads';
import { gzipSync } from 'node:zlib';

/** A node in a worker thread. It mutates valid responses, in a way that the seed determines. */

const seed: number = workerData.seed;

/** Mulberry32. */
let state = seed;
function random(): number {
  state = (state + 0x6d2b79f5) | 0;
  let t = Math.imul(state ^ (state >>> 15), 1 | state);
  t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
  return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32;
}
const randomBelow = (max: number) => Math.floor(random() * max);
const pick = <T>(values: readonly [T, ...T[]]): T => values[randomBelow(values.length)] ?? values[0];

const HASH = '05ec'.padEnd(64, '0');
const SEED = 'umYxmcrmq3p6N4QKSO+UoDX2jbKy9VWTQvWjiB0gBpc=';
const HEARTBEAT = {
  token: 'a1b2c3d4e5f60718293a4b5c6d7e8f90',
  type: 'Merkle',
  heartbeat: { key: '', check_fraction: 0.01 },
};
const OFFER = {
  file_hash: 1,
  seed: 'fe0f3129b0537ebb43df3b065f62e261',
  size: 10_000,
  challenge: { seed: SEED, index: 0 },
  tag: { tree: { nodes: [SEED, SEED, SEED, ''], order: 1, leaves: [] }, chunksz: 327, filesz: 10_000 },
  due: 13.995783,
};
const CHALLENGE = { file_hash: 1, challenge: { seed: SEED, index: 1 }, due: 5.5, answered: false };
const VALID: Record<string, unknown> = {
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
  v1_root: { msg: 'ok' },
  v1_new: HEARTBEAT,
  v1_heartbeat: HEARTBEAT,
  v1_chunk: { chunks: [OFFER, { ...OFFER, file_hash: 2, challenge: 'GgAAACAAAACtmW2i', tag: 'GgAAAIAAAAA=' }] },
  v1_challenge: {
    challenges: [
      CHALLENGE,
      { ...CHALLENGE, file_hash: 2, answered: true },
      { file_hash: 3, status: 'no more challenges' },
      { file_hash: 4, error: 'contract expired' },
    ],
  },
  v1_answer: {
    report: [
      { file_hash: 1, status: 'ok' },
      { file_hash: 2, error: 'Invalid proof' },
    ],
  },
};

const MESSAGES = [{}, { message: 'Nonexistent token.' }, { message: 'x'.repeat(5_000) }, { message: 5 }] as const;

/** Values that no valid response contains. */
const HOSTILE: readonly [unknown, ...unknown[]] = [
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

/** Replaces, adds or removes part of a value. */
function mutate(value: unknown): unknown {
  if (typeof value !== 'object' || value === null || random() < 0.15) return pick(HOSTILE);
  if (Array.isArray(value)) {
    if (random() < 0.2) return [...value, ...value, pick(HOSTILE)];
    if (random() < 0.05) return Array.from({ length: 2_000 }, () => value[0]);
    const at = randomBelow(value.length);
    return value.map((each, n) => (n === at ? mutate(each) : each));
  }
  const keys = Object.keys(value);
  const key = keys[randomBelow(keys.length)] ?? 'x';
  if (random() < 0.15) return { ...value, [`${key}2`]: pick(HOSTILE) };
  if (random() < 0.15) return Object.fromEntries(Object.entries(value).filter(([name]) => name !== key));
  return { ...value, [key]: mutate((value as Record<string, unknown>)[key]) };
}

function mutateBytes(body: Buffer): Buffer {
  const at = randomBelow(body.length + 1);
  switch (randomBelow(6)) {
    case 0: {
      const flipped = Buffer.from(body);
      for (let n = randomBelow(4); n >= 0; n--) flipped[randomBelow(flipped.length)] = randomBelow(256);
      return flipped;
    }
    case 1:
      return body.subarray(0, at);
    case 2:
      return Buffer.concat([body.subarray(0, at), body]);
    case 3:
      return Buffer.concat([
        body.subarray(0, at),
        Buffer.from(Array.from({ length: randomBelow(200) }, () => randomBelow(256))),
      ]);
    case 4:
      return Buffer.concat([Buffer.from('['.repeat(randomBelow(5_000))), body]);
    default:
      return Buffer.concat([body, Buffer.from('\0'.repeat(randomBelow(100)))]);
  }
}

function createBody(route: string): Buffer {
  const valid = VALID[route] ?? {};
  const text = (value: unknown) => Buffer.from(typeof value === 'string' ? value : JSON.stringify(value));
  switch (randomBelow(10)) {
    case 0:
      return text(valid);
    case 1:
      return text({
        status: pick(['no_token', 'no_hash', 'no_chunks', 'error', 'pass', 'x'.repeat(1_000)]),
        ...pick(MESSAGES),
      });
    case 2:
    case 3:
    case 4:
    case 5:
      return text(mutate(valid));
    default:
      return mutateBytes(text(random() < 0.5 ? valid : mutate(valid)));
  }
}

/** Short when compressed, but expensive to parse. */
const AMPLIFYING: readonly [Buffer, ...Buffer[]] = [
  gzipSync(`{"all_contracts":[${'0,'.repeat(500_000)}0],"due_contracts":[]}`),
  gzipSync(`{"all_contracts":[${'{},'.repeat(5_000)}0],"due_contracts":[],"challenges":[${'{},'.repeat(5_000)}{}]}`),
  gzipSync('['.repeat(1_000_000)),
  gzipSync(`{"challenges":[{"a":${'{"a":'.repeat(500_000)}`),
  gzipSync(JSON.stringify({ all_contracts: [{ hash: 'x'.repeat(1_000_000) }], due_contracts: [] })),
  gzipSync(`{"chunks":[${'{},'.repeat(5_000)}{}],"challenges":[${'{},'.repeat(5_000)}{}],"report":[]}`),
  gzipSync(JSON.stringify({ chunks: [{ ...OFFER, tag: 'A'.repeat(3_000_000) }] })),
];

function parseRoute(path: string): string {
  if (path === '/') return 'connectivity';
  const [, , , name = '', inner] = path.split('/');
  if (name === 'v1') return `v1_${inner || 'root'}`;
  return name === 'challenges' && inner === 'answer' ? 'answer' : name;
}

const server = createServer((request, response) => {
  request.resume();
  const isAmplifying = random() < 0.02;
  const body = isAmplifying ? pick(AMPLIFYING) : createBody(parseRoute(request.url ?? ''));
  const status = random() < 0.7 ? 200 : pick([201, 204, 206, 301, 302, 304, 400, 404, 418, 429, 500, 503, 599]);
  response.on('error', () => {});
  response.setHeader('Content-Type', pick(['application/json', 'text/html', 'application/octet-stream', 'x']));
  if (random() < 0.05) response.setHeader('Retry-After', pick(['1', '-5', 'soon', '9'.repeat(500)]));
  if (random() < 0.05) response.setHeader('Date', pick(['yesterday', '', '0']));
  if (random() < 0.02) response.setHeader('Location', 'http://127.0.0.1:1/');
  if (isAmplifying) response.setHeader('Content-Encoding', 'gzip');
  else if (random() < 0.02) response.setHeader('Content-Encoding', pick(['gzip', 'br', 'deflate', 'nonsense']));
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
