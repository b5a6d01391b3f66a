import type { OneHashChallenge } from '@downstream/heartbeat';
import { buildPath, challengesResponse, matchResponse } from '@downstream/protocol';
import { NodeError } from '../farming/errors.ts';
import type { NodeHttp } from './node-http.ts';
import { readJson } from './replies.ts';

const MAX_CHALLENGES_BYTES = 16 * 1024 * 1024;
const MAX_REPLY_BYTES = 64 * 1024;

/** The file-ownership part of a node: who holds a file of this name? */
export class OwnershipNode {
  readonly #http: NodeHttp;

  constructor(http: NodeHttp) {
    this.#http = http;
  }

  /** The challenges that can be answered on a file. */
  async challenges(filename: string): Promise<OneHashChallenge[]> {
    return await this.#http.request({
      route: 'challenges',
      method: 'GET',
      path: buildPath('challenges', { filename }),
      maxBytes: MAX_CHALLENGES_BYTES,
      read: (reply) => {
        if (reply.status === 404)
          throw new NodeError('rejected', 'challenges', 'the node has no file of that name', { status: 404 });
        return readJson('challenges', challengesResponse, reply).challenges;
      },
    });
  }

  /** @returns whether the response is the one that the node's own file gives */
  async answer(filename: string, answer: OneHashChallenge & { response: string }): Promise<boolean> {
    const { block, seed, response } = answer;
    return await this.#http.request({
      route: 'answer',
      method: 'POST',
      path: buildPath('answer', { filename }),
      body: { block, seed, response },
      maxBytes: MAX_REPLY_BYTES,
      read: (reply) => readJson('answer', matchResponse, reply).match,
    });
  }
}
