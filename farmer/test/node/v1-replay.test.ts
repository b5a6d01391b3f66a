import { describe, expect, it } from '@jest/globals';
import { type Exchange, readExchanges } from '../../../test/support/v1-recordings.ts';
import { NodeError } from '../../src/farming/errors.ts';
import type { Answer, Listing, NodeContract, Offer, Verdict } from '../../src/farming/ports.ts';
import type { Identity } from '../../src/identity.ts';
import { detectApi } from '../../src/node/detect-api.ts';
import { NodeHttp } from '../../src/node/node-http.ts';
import { V1Node } from '../../src/node/v1-node.ts';
import { rawServer } from '../fakes/raw-server.ts';

const DEFAULT_SIZE = 32 * 1024 * 1024;
/** For recorded requests that the farmer never sends, so that it gets their responses nevertheless. */
const CONTRACT: Answer = { id: 'id of 2', reference: 2, response: '{}' };

interface Replayed {
  readonly outcome: string;
  readonly method: string | undefined;
  readonly path: string | undefined;
  readonly body: unknown;
}

/** Makes the call that each recorded request comes from, and answers it with the recorded response. */
async function replay(name: string): Promise<{ exchange: Exchange; replayed: Replayed }[]> {
  const results: { exchange: Exchange; replayed: Replayed }[] = [];
  const exchanges = readExchanges(name).filter(isSentByFarmer);
  const heartbeat = exchanges.find(({ response }) => response.json?.heartbeat !== undefined)?.response;
  for (const exchange of exchanges) {
    await using server = await rawServer(({ url = '' }, reply) => {
      const { path } = exchange.request;
      const isExtra = url.includes('/heartbeat/') && !path.includes('/heartbeat/');
      const { status, contentType, json, text } = (isExtra ? heartbeat : undefined) ?? exchange.response;
      reply.writeHead(status, { 'Content-Type': contentType ?? '' }).end(text ?? JSON.stringify(json));
    });
    const http = new NodeHttp(server.url);
    const outcome = await describeOutcome(() => call(http, exchange));
    http.close();
    const { method, url: path, body = '' } = server.requests.at(-1) ?? {};
    results.push({ exchange, replayed: { outcome, method, path, body: body === '' ? null : JSON.parse(body) } });
  }
  return results;
}

/** The farmer requests neither the root of the server nor the status of farmers. */
function isSentByFarmer({ request: { path } }: Exchange): boolean {
  return path !== '/' && !path.includes('/status/');
}

async function call(http: NodeHttp, { request }: Exchange): Promise<string> {
  const [, , , , route, subject = '', size] = request.path.split('/');
  const body = parse(request.body);
  const identity = isSignedMessage(body) ? body : { message: 'm', signature: 's' };
  const node = new V1Node({ url: 'http://node', ...(request.method === 'POST' && { identity }) }, { http });
  switch (route) {
    case '':
      return await detectApi(http);
    case 'new':
      return `token ${await node.register(subject)}`;
    case 'heartbeat':
      await node.listContracts(subject, { asked: [] });
      return 'known token';
    case 'challenge': {
      const asked = readContracts(body?.['hashes']);
      return describeListing(asked, await node.listContracts(subject, { asked }));
    }
    case 'answer': {
      const answers = readAnswers(body?.['proofs']);
      return describeVerdicts(answers, await node.answer(subject, answers));
    }
    default:
      return describeOffers(await node.requestContracts(subject, { maxBytes: Number(size) || DEFAULT_SIZE }));
  }
}

function parse(body: string | null): Readonly<Record<string, unknown>> | undefined {
  try {
    return JSON.parse(body ?? '');
  } catch {
    return undefined;
  }
}

function isSignedMessage(body: object | undefined): body is Identity {
  return body !== undefined && 'message' in body && 'signature' in body;
}

function readContracts(hashes: unknown): NodeContract[] {
  const references: (string | number)[] = Array.isArray(hashes) && hashes.length > 0 ? hashes : [CONTRACT.reference];
  return references.map((reference) => ({ id: `id of ${reference}`, reference }));
}

function readAnswers(proofs: unknown): Answer[] {
  const entries: { file_hash: number; proof: unknown }[] = Array.isArray(proofs) ? proofs : [];
  const answers = entries
    .filter((entry) => 'file_hash' in entry && 'proof' in entry)
    .map(({ file_hash: reference, proof }) => ({
      id: `id of ${reference}`,
      reference,
      response: JSON.stringify(proof),
    }));
  return answers.length === 0 ? [CONTRACT] : answers;
}

async function describeOutcome(operation: () => Promise<string>): Promise<string> {
  try {
    return await operation();
  } catch (error) {
    if (!(error instanceof NodeError)) throw error;
    const { reason, status } = error.details;
    return [error.code, error.code === 'http_error' ? status : reason].filter(Boolean).join(' ');
  }
}

function describeOffers(offers: readonly Offer[]): string {
  return (
    offers.map(({ reference, sizeBytes, tag }) => `${reference}: ${sizeBytes} ${tag?.scheme}`).join(', ') || 'none'
  );
}

function describeListing(asked: readonly NodeContract[], { held, open, dueInMs, completed }: Listing): string {
  const describeOne = (id: string) => {
    if (completed?.has(id)) return 'completed';
    if (!held.has(id)) return 'ended';
    if (open.has(id)) return 'open';
    return dueInMs?.has(id) ? 'answered' : 'not mentioned';
  };
  return asked.map(({ id, reference }) => `${reference} ${describeOne(id)}`).join(', ');
}

function describeVerdicts(answers: readonly Answer[], verdicts: readonly Verdict[]): string {
  return answers.map(({ reference }, index) => `${reference} ${verdicts[index]}`).join(', ');
}

const OUTCOMES: Record<string, string[]> = {
  'all-routes-and-errors': [
    'api root: v1',
    'unknown route: http_error 404',
    'new: not base58check: rejected address_invalid',
    'new: valid address, not in whitelist: rejected address_not_whitelisted',
    'new: ok (signature not required): token f8be23db89deffe72dc05521b5f8109a',
    'new: POST without required signature still ok: token 9c3d032ce2949d19af545e31782bcaa2',
    'heartbeat: ok: known token',
    'heartbeat: unknown token: no_token',
    'chunk: unknown token: no_token',
    'chunk: size too small for any chunk: none',
    'chunk: non-integer size: http_error 404',
    'chunk: n=2 chunk: 1: 16384 Merkle',
    'chunk: ok 32768: 2: 32768 Merkle',
    'chunk: no size given (DEFAULT_CHUNK_SIZE), several chunks: 3: 32768 Merkle, 4: 32768 Merkle',
    'challenge: GET, all contracts of the token: 2 open',
    'challenge: unknown token: no_token',
    'challenge: POST unknown token: no_token',
    'challenge: current challenge not answered, before due: 2 open',
    'challenge: contract not found: 99999 ended',
    'challenge: contract of another token: 3 ended',
    'challenge: id as a string: 2 open',
    'challenge: unparsable id then a good one: abc not mentioned, 2 not mentioned',
    'challenge: good id then an unparsable one: 2 open, abc not mentioned',
    'challenge: empty list: 2 not mentioned',
    'challenge: no hashes key: 2 not mentioned',
    'challenge: body not JSON: 2 not mentioned',
    'challenge: empty body: 2 not mentioned',
    'challenge: duplicate ids: 2 open, 2 open, 99999 ended',
    'answer: GET not allowed: http_error 405',
    'answer: unknown token: no_token',
    'answer: proof of wrong data: 2 rejected',
    'answer: wrong leaf index: 2 rejected',
    'answer: proof object corrupted: 2 rejected',
    'answer: proof key missing: 2 rejected',
    'answer: file_hash missing: 2 unknown',
    'answer: contract not found: 99999 ended',
    'answer: contract of another token: 2 ended',
    'answer: body not JSON: 2 unknown',
    'answer: empty list: 2 unknown',
    'answer: ok (headers as the farmer sends them): 2 passed',
    'answer: already answered: 2 passed',
    'challenge: answered, before due: 2 answered',
    'answer: n=2, first challenge ok: 1 passed',
    'challenge: n=2, second challenge: 1 open, 2 open',
    'answer: n=2, second challenge ok: 1 passed',
    'challenge: contract never answered, past due: 3 ended',
    'answer: contract never answered, past due: 3 ended',
    'challenge: n=2, exhausted (and the other contract expired): 1 completed, 2 ended',
    'answer: n=2, exhausted: 1 passed',
    'challenge: n=2, exhausted and past expiration: 1 ended',
    'answer: n=2, exhausted and past expiration: 1 ended',
  ],
  'signature-and-ip-limit': [
    'signature required, GET: rejected signature_required',
    'POST body not JSON: rejected signature_required',
    'POST JSON list: rejected signature_required',
    'POST JSON without signature: rejected signature_required',
    'message longer than MAX_SIG_MESSAGE_SIZE: rejected signature_invalid',
    'signature of wrong length: rejected signature_invalid',
    'signature of another message: rejected signature_invalid',
    'signature not base64: rejected signature_invalid',
    'valid signature, address not in whitelist: rejected address_not_whitelisted',
    'signature ok: token 91da0f4d86050c9f4bf8c0006dac0833',
    'signature ok, 2nd token: token cd180da0956a0eecc378fb2c3285a3b8',
    'signature ok, too many tokens for this IP: rejected too_many_tokens',
  ],
  'stale-token': [
    'GET heartbeat: no_token',
    'GET new: token a51bed6f6989ad46ed410f4e2e80e705',
    'GET chunk: 1: 32768 Merkle',
    'POST answer: 1 passed',
    'GET heartbeat: known token',
    'GET chunk: 2: 32768 Merkle',
    'POST answer: 2 passed',
    'POST new: token 38a65a8886f2124b316ef9bc597c001a',
    'GET chunk: 3: 32768 Merkle',
    'POST answer: 3 passed',
  ],
  'farmer-session': [
    'GET new: token 55c1b91564e23fef7b216275ea6227d0',
    'GET chunk: 1: 32768 Merkle',
    'POST answer: 1 passed',
    'POST challenge: 1 open',
    'POST answer: 1 passed',
    'POST challenge: 1 open',
    'POST answer: 1 passed',
  ],
  merkle: [
    'new: token 1833eda95331e754e0230f1aeb7eea20',
    'chunk: 1: 32768 Merkle',
    'challenge before answer: 1 open',
    'answer: 1 passed',
    'answer again: 1 passed',
    'next challenge: 1 open',
    'answer to the next challenge: 1 passed',
  ],
  swizzle: [
    'new: token ae1e9011109ae63eed99299e19582719',
    'chunk: 1: 32768 Swizzle',
    'challenge before answer: 1 open',
    'answer: 1 passed',
    'answer again: 1 passed',
    'next challenge: 1 open',
    'answer to the next challenge: 1 passed',
  ],
};

describe('V1Node with the recorded responses of the original node', () => {
  it.each(Object.entries(OUTCOMES))('has the expected outcome of each request (%s)', async (name, expected) => {
    const results = await replay(name);
    expect(results.map(({ exchange, replayed }) => `${describeRequest(exchange)}: ${replayed.outcome}`)).toEqual(
      expected,
    );
  });

  it.each(['farmer-session', 'stale-token', 'merkle', 'swizzle'])(
    'sends the same requests as the original farmer (%s)',
    async (name) => {
      for (const { exchange, replayed } of await replay(name)) {
        const { method, path, body } = exchange.request;
        expect(replayed).toMatchObject({ method, path, body: body === null ? null : JSON.parse(body) });
      }
    },
  );
});

function describeRequest({ note, request: { method, path } }: Exchange): string {
  return note || `${method} ${path.split('/')[4]}`;
}
