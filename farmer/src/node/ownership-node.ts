import type { OneHashChallenge } from '@downstream/heartbeat';
import { buildPath, challengesResponse, matchResponse } from '@downstream/protocol';
import { NodeError } from '../farming/errors.ts';
import type { NodeHttp } from './node-http.ts';
import { parseResponse } from './responses.ts';

const MAX_CHALLENGES_BYTES = 16 * 1024 * 1024;

/** Client of a node's file-ownership API. */
export class OwnershipNode {
  readonly #http: NodeHttp;

  constructor(http: NodeHttp) {
    this.#http = http;
  }

  /** @returns the challenges that the node offers for a file */
  async listChallenges(filename: string): Promise<OneHashChallenge[]> {
    return await this.#http.request({
      route: 'challenges',
      path: buildPath('challenges', { filename }),
      maxBytes: MAX_CHALLENGES_BYTES,
      parse: (response) => {
        if (response.status === 404) {
          throw new NodeError('rejected', 'challenges', 'the node has no file of that name', { status: 404 });
        }
        return parseResponse('challenges', challengesResponse, response).challenges;
      },
    });
  }

  /** @returns whether the response matches the node's copy of the file */
  async answer(
    filename: string,
    { block, seed, response: hash }: OneHashChallenge & { response: string },
  ): Promise<boolean> {
    return await this.#http.request({
      route: 'answer',
      method: 'POST',
      path: buildPath('answer', { filename }),
      body: { block, seed, response: hash },
      parse: (response) => parseResponse('answer', matchResponse, response).match,
    });
  }
}
