import { buildPath, ROUTE_NAMES, ROUTES } from '@downstream/protocol';
import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';

const SEGMENTS = {
  new: 5,
  chunk: 5,
  due: 5,
  challenge: 7,
  remove: 6,
  download: 5,
  challenges: 5,
  answer: 6,
  v1_new: 6,
  v1_heartbeat: 6,
  v1_chunk: 7,
  v1_challenge: 6,
  v1_answer: 6,
  v1_status_show: 7,
};

describe('buildPath', () => {
  it('keeps the number of segments, whatever the parameters contain', () => {
    fc.assert(
      fc.property(fc.string(), fc.string(), fc.string(), (text, hash, response) => {
        const paths = {
          new: buildPath('new', { address: text }),
          chunk: buildPath('chunk', { token: text }),
          due: buildPath('due', { token: text }),
          challenge: buildPath('challenge', { token: text, hash, response }),
          remove: buildPath('remove', { token: text, hash }),
          download: buildPath('download', { hash }),
          challenges: buildPath('challenges', { filename: text }),
          answer: buildPath('answer', { filename: text }),
          v1_new: buildPath('v1_new', { address: text }),
          v1_heartbeat: buildPath('v1_heartbeat', { token: text }),
          v1_chunk: buildPath('v1_chunk', { token: text, size: hash }),
          v1_challenge: buildPath('v1_challenge', { token: text }),
          v1_answer: buildPath('v1_answer', { token: text }),
          v1_status_show: buildPath('v1_status_show', { farmer: text }),
        };
        const segments = Object.entries(paths).map(([route, path]) => [route, path.split('/').length]);
        expect(Object.fromEntries(segments)).toEqual(SEGMENTS);
      }),
    );
  });

  it('encodes parameters so that they decode to the same text', () => {
    fc.assert(
      fc.property(fc.string(), (filename) => {
        expect(decodeURIComponent(buildPath('challenges', { filename }).split('/').at(-1) ?? '')).toBe(filename);
      }),
    );
  });

  it.each([
    [buildPath('connectivity', {}), '/'],
    [buildPath('new', { address: 'addr' }), '/api/downstream/new/addr'],
    [buildPath('remove', { token: 'tok', hash: 'hash' }), '/api/downstream/remove/tok/hash'],
    [
      buildPath('challenge', { token: 'tok', hash: 'hash', response: 'resp' }),
      '/api/downstream/challenge/tok/hash/resp',
    ],
    [buildPath('answer', { filename: 'a b/c' }), '/api/downstream/challenges/answer/a%20b%2Fc'],
    [buildPath('v1_chunk', { token: 'tok', size: '32768' }), '/api/downstream/v1/chunk/tok/32768'],
    [buildPath('v1_answer', { token: 'tok' }), '/api/downstream/v1/answer/tok'],
  ])('builds the path that was recorded from the original node: %s', (path, recorded) => {
    expect(path).toBe(recorded);
  });
});

describe('ROUTE_NAMES', () => {
  it('lists every route', () => {
    expect(ROUTE_NAMES).toEqual(Object.keys(ROUTES));
  });
});
