import type { OneHashChallenge } from '@downstream/heartbeat';
import { parseJson } from '@downstream/platform';
import { buildPath, fileChallenge, matchResponse } from '@downstream/protocol';
import { z } from 'zod';
import { NodeError } from '../farming/errors.ts';
import type { NodeHttp } from './node-http.ts';
import { readLists } from './read-lists.ts';
import { parseResponse, readWhole, type TextResponse } from './responses.ts';

/** What a node with this API says about a file that it does not have. */
const noSuchFile = z.object({ message: z.string().regex(/\bfile\b/i) });
const MAX_CHALLENGES_BYTES = 16 * 1024 * 1024;
/** More are ignored. */
export const MAX_CHALLENGES = 100_000;

/** Client of a node's file-ownership API. */
export class OwnershipNode {
  readonly #http: NodeHttp;

  constructor(http: NodeHttp) {
    this.#http = http;
  }

  /** @returns the valid challenges that the node offers for a file, at least one */
  async listChallenges(filename: string): Promise<OneHashChallenge[]> {
    return await this.#http.request({
      route: 'challenges',
      path: buildPath('challenges', { filename }),
      maxBytes: MAX_CHALLENGES_BYTES,
      read: async (response) => {
        const { status } = response;
        if (status === 404) throw toNotFoundError(await readWhole(response));
        const challenges: OneHashChallenge[] = [];
        const readChallenge = (entry: unknown) => {
          const { data } = fileChallenge.safeParse(entry);
          if (data !== undefined && challenges.length < MAX_CHALLENGES) challenges.push(data);
          return data !== undefined;
        };
        await readLists('challenges', new Map([['challenges', readChallenge]]), response);
        if (challenges.length > 0) return challenges;
        throw new NodeError('invalid_response', 'challenges', 'the node lists no valid challenge', { status });
      },
    });
  }

  /** @returns whether the response matches the node's copy of the file; undefined if the challenge is no longer open */
  async answer(
    filename: string,
    { block, seed, response: hash }: OneHashChallenge & { response: string },
  ): Promise<boolean | undefined> {
    return await this.#http.request({
      route: 'answer',
      method: 'POST',
      path: buildPath('answer', { filename }),
      body: JSON.stringify({ block, seed, response: hash }),
      read: async (response) => {
        const { status, text } = await readWhole(response);
        return status === 404 ? undefined : parseResponse('answer', matchResponse, { status, text }).match;
      },
    });
  }
}

/** A node without this API also responds with 404, as does any other web server. */
function toNotFoundError({ status, text }: TextResponse): NodeError {
  const message = noSuchFile.safeParse(parseJson(text)).success
    ? 'the node has no file of that name'
    : 'the node has no file-ownership API, or no file of that name: check the URL of the node (HTTP 404)';
  return new NodeError('rejected', 'challenges', message, { status });
}
