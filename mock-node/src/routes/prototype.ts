import { buildPath, isSjcxAddress } from '@downstream/protocol';
import { type Call, json, type Reply, type Route } from '../api/reply.ts';
import type { ChunkFactory } from '../chunks/chunk-factory.ts';
import type { Ledger } from '../ledger/ledger.ts';

export interface PrototypeDeps {
  readonly ledger: Ledger;
  readonly chunks: ChunkFactory;
  readonly settings: () => PrototypeSettings;
  /** What a node says where it lies. */
  readonly lies: { fakeHash(hash: string): string; fakeChallenge(challenge: string): string };
  readonly now: () => number;
  /** So much node time passes in a unit of the farmer's. */
  readonly timeScale: () => number;
}

interface PrototypeSettings {
  readonly intervalMs: number;
  readonly contractForm: 'secret' | 'url';
}

const NO_TOKEN = { status: 'no_token' };

/** The contracts of the prototype API. Errors are a `status` under HTTP 200, as the original's were. */
export function createPrototypeRoutes(parts: PrototypeDeps): Route[] {
  const { ledger, chunks } = parts;
  return [
    { name: 'connectivity', handle: () => json({ msg: 'ok' }) },
    {
      name: 'new',
      handle: ({ params }) =>
        isSjcxAddress(params['address'] ?? '')
          ? json({ token: ledger.register() })
          : json({ status: 'error', message: 'Invalid address.' }, 400),
    },
    {
      name: 'chunk',
      handle: async (call) => await acceptContract(call, parts),
    },
    {
      name: 'due',
      handle: (call) => listing(call, parts),
    },
    {
      name: 'challenge',
      handle: async ({ params, now, faults }) => {
        const { token = '', hash = '', response = '' } = params;
        const secret = ledger.getUnverifiedSecret(token, hash, now);
        if (secret !== undefined) ledger.setVerifier(await chunks.createVerifier(secret), { token, hash, secret });
        const reject = faults.one('reject_answer') !== undefined;
        return json({ status: ledger.answer(token, { hash, response, reject }, now) });
      },
    },
    {
      name: 'remove',
      handle: ({ params, now }) => json({ status: ledger.remove(params['token'] ?? '', params['hash'] ?? '', now) }),
    },
    {
      name: 'download',
      handle: ({ params, now }) => {
        const secret = ledger.getChunkSecret(params['hash'] ?? '', now);
        if (secret === undefined) return json({ status: 'error', message: 'No such chunk.' }, 404);
        return { status: 200, headers: { 'Content-Type': 'application/octet-stream' }, body: chunks.bytes(secret) };
      },
    },
  ];
}

async function acceptContract(
  call: Call,
  { ledger, chunks, settings, lies, now, timeScale }: PrototypeDeps,
): Promise<Reply> {
  const { params, faults, origin } = call;
  const { token = '' } = params;
  if (!ledger.knows(token)) return json(NO_TOKEN);
  const next = faults.one('no_chunks') === undefined ? ledger.reserveContract(call.now) : undefined;
  if (next === undefined) return json({ status: 'no_chunks' });
  const { index, secret } = next;
  const minted = await chunks.mint(secret).catch((error: unknown) => {
    ledger.abandon();
    throw error;
  });
  const chunk = faults.one('wrong_hash') ? { ...minted, fileHash: lies.fakeHash(minted.fileHash) } : minted;
  const shrunk = faults.one('shorten_interval')?.effect;
  const { intervalMs: whole, contractForm } = settings();
  const intervalMs = Math.max(1, Math.round(whole * (shrunk?.factor ?? 1)));
  const challenge = ledger.start(token, { index, chunk, intervalMs }, now());
  if (challenge === undefined) return json(NO_TOKEN);
  const told = shrunk?.told === false ? whole : intervalMs;
  const { fileHash } = chunk;
  return json({
    ...(contractForm === 'secret' ? { secret } : { url: origin + buildPath('download', { hash: fileHash }) }),
    file_hash: fileHash,
    challenge: faults.concern('wrong_challenge', fileHash) ? lies.fakeChallenge(challenge) : challenge,
    // Farmers live in real time, whatever the node's clock does.
    interval: told / 1000 / timeScale(),
  });
}

function listing({ params, now, faults }: Call, { ledger, lies }: PrototypeDeps): Reply {
  const listed = ledger.due(params['token'] ?? '', now);
  if (listed === undefined) return json(NO_TOKEN);
  const told = ({ hash, challenge }: { hash: string; challenge: string }) => ({
    hash,
    challenge: faults.concern('wrong_challenge', hash) ? lies.fakeChallenge(challenge) : challenge,
  });
  const isTwice = ({ hash }: { hash: string }) => faults.concern('duplicate_challenge', hash);
  const all = listed.all.map((hash) => ({ hash }));
  const due = [...listed.due, ...listed.settled.filter(isTwice)].map(told);
  return json({
    all_contracts: [...all, ...all.filter(isTwice)],
    due_contracts: [...due, ...due.filter(isTwice)],
  });
}
