import { mkdirSync, readFileSync, rmSync, truncateSync, writeFileSync } from 'node:fs';
import { createMerkleHeartbeat } from '@downstream/heartbeat';
import { describe, expect, it } from '@jest/globals';
import { makeId } from '../fakes/builders.ts';
import { offerMerkle, offerSwizzle, TagFolder } from '../fakes/tag-folder.ts';

const folder = new TagFolder();
const flipAll = (id: string) => {
  const path = folder.join(id);
  writeFileSync(
    path,
    readFileSync(path).map((byte) => byte ^ 1),
  );
};

describe('a batch of proofs', () => {
  it('answers the challenges of both schemes in the order of the requests', async () => {
    const chunks = [offerMerkle(1), offerSwizzle(2), offerMerkle(3, 1), offerSwizzle(4, 0.2)];
    await folder.fill(...chunks);
    const outcomes = await folder.prove(...chunks.map((chunk) => folder.request(chunk, chunk.challenge())));
    const accepted = outcomes.map((outcome, n) => 'response' in outcome && chunks[n]?.accepts(outcome.response));
    expect(accepted).toEqual([true, true, true, true]);
  });

  it.each([
    ['Merkle', offerMerkle],
    ['Swizzle', offerSwizzle],
  ])('reports a corrupt or truncated %s chunk instead of proving it', async (_, offer) => {
    const [changed, truncated, intact] = [offer(1), offer(2), offer(3)];
    await folder.fill(changed, truncated, intact);
    flipAll(changed.id);
    truncateSync(folder.join(truncated.id), 100);
    expect([await folder.answer(changed), await folder.answer(truncated), await folder.answer(intact)]).toEqual([
      'corrupt',
      'corrupt',
      true,
    ]);
  });

  it('reports a challenge of another chunk as invalid, and not the chunk as corrupt', async () => {
    const [chunk, other] = [offerMerkle(1), offerMerkle(2)];
    await folder.fill(chunk, other);
    const request = folder.request(chunk, other.challenge());
    expect(await folder.prove(request)).toEqual([{ error: 'invalid_challenge' }]);
    flipAll(chunk.id);
    expect(await folder.prove(request)).toEqual([{ error: 'corrupt' }]);
  });

  it('reports an unreadable chunk with the cause, and proves the others', async () => {
    const [absent, directory, intact] = [offerMerkle(1), offerMerkle(2), offerMerkle(3)];
    await folder.fill(absent, directory, intact);
    rmSync(folder.join(absent.id));
    rmSync(folder.join(directory.id));
    mkdirSync(folder.join(directory.id));
    const requests = [absent, directory, intact].map((chunk) => folder.request(chunk, chunk.challenge()));
    expect(await folder.prove(...requests)).toEqual([
      { error: 'unreadable', cause: 'ENOENT' },
      { error: 'unreadable', cause: 'EISDIR' },
      { response: expect.any(String), isEmpty: false },
    ]);
  });

  it.each([
    ['text', 'text'],
    ['an array', '[]'],
    ['an index that the tag does not have', JSON.stringify({ index: 20, seed: Buffer.alloc(32).toString('base64') })],
    ['a short seed', JSON.stringify({ index: 0, seed: '' })],
    ['a Swizzle challenge', JSON.stringify(Buffer.alloc(60).toString('base64'))],
  ])('rejects %s as a challenge', async (_, challenge) => {
    const chunk = offerMerkle(1, 20);
    await folder.fill(chunk);
    expect(await folder.prove(folder.request(chunk, challenge))).toEqual([{ error: 'invalid_challenge' }]);
  });

  it('reports a challenge that covers no byte', async () => {
    const chunk = offerMerkle(
      1,
      2,
      createMerkleHeartbeat(() => Buffer.alloc(32, 1), 0),
    );
    await folder.fill(chunk);
    const outcome = await folder.prove(folder.request(chunk, chunk.challenge()));
    expect(outcome).toEqual([{ response: expect.any(String), isEmpty: true }]);
  });

  it.each([
    ['lacks it', 'DELETE FROM tag'],
    ['has a changed node', 'UPDATE tag_part SET data = zeroblob(length(data))'],
    ['lacks a part', 'DELETE FROM tag_part'],
    ['has a changed head', "UPDATE tag SET head = replace(head, '20', '19')"],
    ['has a head that is not JSON', "UPDATE tag SET head = 'x'"],
  ])('uses the tag in the replica if the file %s', async (_, damage) => {
    const chunk = offerMerkle(1, 20);
    await folder.fill(chunk);
    folder.edit('tags.db', damage);
    expect(await folder.answer(chunk)).toBe(true);
  });

  it('uses the replica if the file is missing or not a database', async () => {
    const chunk = offerMerkle(1);
    await folder.fill(chunk);
    rmSync(folder.join('tags.db'));
    expect(await folder.answer(chunk)).toBe(true);
    writeFileSync(folder.join('tags.db'), 'x'.repeat(10_000));
    expect(await folder.answer(chunk)).toBe(true);
  });

  it('reports a tag that no file has, and one that is damaged in both', async () => {
    const [unknown, damaged] = [offerMerkle(1), offerMerkle(2)];
    await folder.fill(unknown, damaged);
    for (const name of ['tags.db', 'tags.replica.db'])
      folder.edit(name, `DELETE FROM tag WHERE contract_id = '${makeId(1)}'; UPDATE tag_part SET data = x'00'`);
    expect([await folder.answer(unknown), await folder.answer(damaged)]).toEqual(['no_tag', 'no_tag']);
  });
});
