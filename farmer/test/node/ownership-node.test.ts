import type { RequestListener } from 'node:http';
import { describe, expect, it } from '@jest/globals';
import { NodeHttp } from '../../src/node/node-http.ts';
import { OwnershipNode } from '../../src/node/ownership-node.ts';
import { always, rawServer } from '../fakes/raw-server.ts';

async function listChallenges(handler: RequestListener) {
  await using server = await rawServer(handler);
  const http = new NodeHttp(server.url);
  try {
    return await new OwnershipNode(http).listChallenges('file');
  } finally {
    http.close();
  }
}
const reply = (challenges: unknown) => always(JSON.stringify({ challenges }));

describe('OwnershipNode.listChallenges', () => {
  it('skips invalid challenges', async () => {
    const listed = [{ block: -1, seed: 's' }, null, { block: 7, seed: 's', filename: 'f' }, { block: 8, seed: '' }];
    expect(await listChallenges(reply(listed))).toEqual([{ block: 7, seed: 's' }]);
  });

  it.each([
    ['there are none', []],
    ['none is valid', [null]],
    ['they are no list', {}],
  ])('throws if %s', async (_, challenges) => {
    await expect(listChallenges(reply(challenges))).rejects.toMatchObject({ code: 'invalid_response' });
  });

  it.each([
    ['no such file', '{"status":"error","message":"No such file."}', 'the node has no file of that name'],
    ['perhaps no such API', '{"status":"error","message":"No such route."}', /^the node has no file-ownership API, or/],
    ['a page instead of the API', '<h1>Not Found</h1>', /^the node has no file-ownership API, or/],
  ])('says what a response with status 404 shows: %s', async (_, body, message) => {
    await expect(listChallenges(always(body, 404))).rejects.toMatchObject({
      code: 'rejected',
      message: expect.stringMatching(message),
    });
  });
});
