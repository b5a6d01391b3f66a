import { describe, expect, it } from '@jest/globals';
import { type Exchange, readExchanges } from '../../../test/support/v1-recordings.ts';
import { ADDRESS, setUpMockNode } from '../support/mock-node.ts';
import { Replay } from '../support/replay.ts';

const { start, url, pass } = setUpMockNode();

/** Seconds after the first contract at which a request was sent, as far as it matters. */
function getTime({ response }: Exchange, intervalSeconds: number): number | undefined {
  const [entry] = response.json?.challenges ?? [];
  if (entry?.answered !== false || entry.challenge.index === undefined) return undefined;
  return (entry.challenge.index + 1) * intervalSeconds - entry.due;
}

/** Replays a session whose contracts are all accepted at its start. @param times by note */
async function replay(
  name: string,
  intervalSeconds: number,
  times: Readonly<Record<string, number>> = {},
): Promise<void> {
  const session = new Replay(url());
  let now = 0;
  for (const exchange of readExchanges(name)) {
    const time = times[exchange.note] ?? getTime(exchange, intervalSeconds) ?? now;
    pass(Math.max(0, time - now) * 1000);
    now = Math.max(now, time);
    const { recorded, own } = await session.send(exchange);
    expect({ note: exchange.note, ...own }).toEqual({ note: exchange.note, ...recorded });
  }
}

const CHUNKS = { chunkSizesBytes: [16_384, 32_768], preparedChunks: 1 };

describe('the v1 API responds as the original node did', () => {
  it('to every route, with every error', async () => {
    await start({ ...CHUNKS, intervalMs: 6_000, challengesPerChunk: 2, whitelist: [ADDRESS] });
    await replay('all-routes-and-errors', 6, {
      'challenge: n=2, exhausted (and the other contract expired)': 13,
      'challenge: n=2, exhausted and past expiration': 19,
    });
  });

  it('to requests for tokens with and without signatures', async () => {
    await start({ ...CHUNKS, requiresSignature: true, tokensPerClient: 2, whitelist: [ADDRESS] });
    await replay('signature-and-ip-limit', 60);
  });

  it('to a farmer that returns with a token that the node knows, and with one that it does not know', async () => {
    await start({ ...CHUNKS, chunkSizesBytes: [32_768], intervalMs: 14_000 });
    await replay('stale-token', 14);
  });

  it('to a farmer that answers three challenges', async () => {
    await start({ ...CHUNKS, chunkSizesBytes: [32_768], intervalMs: 14_000 });
    await replay('farmer-session', 14);
  });

  it('to answers with the Merkle scheme', async () => {
    await start({ ...CHUNKS, chunkSizesBytes: [32_768], intervalMs: 6_000 });
    await replay('merkle', 6);
  });

  it('to answers with the Swizzle scheme', async () => {
    await start({ ...CHUNKS, chunkSizesBytes: [32_768], intervalMs: 6_000, scheme: 'swizzle' });
    await replay('swizzle', 6, { 'next challenge': 7.1 });
  });
});
