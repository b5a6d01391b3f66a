import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { JsonSplitter, MAX_PART_LENGTH } from '../../src/node/json-splitter.ts';

/** Splits a text that arrives in pieces of this length, and puts the parts together again. */
function split(text: string, pieceLength = text.length): unknown {
  const result: Record<string, unknown> = Object.create(null);
  const parse = (part: string | undefined): unknown => (part === undefined ? 'too long' : JSON.parse(part));
  const splitter = new JsonSplitter({
    onValue: (name, value) => {
      result[name] = parse(value);
    },
    onArray: (name) => {
      const elements: unknown[] = [];
      result[name] = elements;
      return (element) => elements.push(parse(element));
    },
  });
  for (let at = 0; at < text.length; at += pieceLength) splitter.write(text.slice(at, at + pieceLength));
  splitter.end();
  return { ...result };
}

function parseObject(text: string): unknown {
  const value: unknown = JSON.parse(text);
  if (typeof value !== 'object' || value === null || Array.isArray(value)) throw new SyntaxError('not an object');
  return { ...value };
}

/** The value, or `SyntaxError`. */
function getOutcome(parse: () => unknown): unknown {
  try {
    return parse();
  } catch (error) {
    if (error instanceof SyntaxError) return 'SyntaxError';
    throw error;
  }
}

const objects = fc.dictionary(fc.string(), fc.oneof(fc.jsonValue(), fc.array(fc.jsonValue())));

describe('JsonSplitter', () => {
  it('finds the same members and elements as JSON.parse, however the text is cut', () => {
    fc.assert(
      fc.property(objects, fc.nat(20), fc.integer({ min: 0, max: 2 }), (object, pieceLength, indent) => {
        const text = JSON.stringify(object, undefined, indent);
        expect(split(text, pieceLength + 1)).toEqual(parseObject(text));
      }),
    );
  });

  it('accepts and rejects the same texts as JSON.parse', () => {
    const tokens = ['{', '}', '[', ']', ',', ':', '"a"', '"b\\"', '0', ' ', 'null', '\n', '"', '\\'] as const;
    const texts = fc.array(fc.constantFrom(...tokens), { maxLength: 14 }).map((all) => `{${all.join('')}`);
    fc.assert(
      fc.property(texts, fc.nat(5), (text, pieceLength) => {
        expect(getOutcome(() => split(text, pieceLength + 1))).toEqual(getOutcome(() => parseObject(text)));
      }),
      { numRuns: 5_000 },
    );
  });

  it.each([
    ['an empty text', ''],
    ['an array', '[1]'],
    ['text before the object', 'x{}'],
    ['text after the object', '{} {}'],
    ['a comma at the end of the object', '{"a":[1],}'],
    ['a comma at the end of an array', '{"a":[1,]}'],
    ['a name without quotes', '{a:1}'],
    ['an object that is incomplete', '{"a":[1'],
  ])('rejects %s', (_, text) => {
    expect(() => split(text)).toThrow(SyntaxError);
  });

  it('accepts any amount of white space before and after the object', () => {
    const space = ' \t\r\n'.repeat(MAX_PART_LENGTH);
    expect(split(`${space}{"a":${space}[${space}1]}${space}`, 1_000)).toEqual({ a: [1] });
  });

  it('skips members and elements that are too long', () => {
    const long = 'x'.repeat(MAX_PART_LENGTH);
    expect(split(JSON.stringify({ a: [1, long, 2], b: long, c: [[long]] }), 100)).toEqual({
      a: [1, 'too long', 2],
      b: 'too long',
      c: ['too long'],
    });
  });

  it('skips elements with too many delimiters, and counts those of each element separately', () => {
    const limits = { length: 1_000, delimiters: 4 };
    const kept: (string | undefined)[] = [];
    const splitter = new JsonSplitter({ onValue: () => {}, onArray: () => (element) => kept.push(element) }, limits);
    const elements = ['{"a":[1,2]}', '{"a":[1,2,3]}', '[[[[[]]]]]', '"[,:{[,:{"', '[0,0]', '[0,0]'];
    splitter.write(`{"list":[${elements.join(',')}]}`);
    splitter.end();
    expect(kept).toEqual(
      elements
        .with(1, '')
        .with(2, '')
        .map((element) => element || undefined),
    );
  });

  it.each([
    ['nested too deeply', `{"a":[${'['.repeat(40)}`],
    ['nested too deeply in a part that is too long', `{"a":["${'x'.repeat(MAX_PART_LENGTH)}",${'[0,'.repeat(40)}`],
    ['split into too many elements', `{"a":[${'0,'.repeat(750_001)}`],
    ['split into too many members', `{${'"":0,'.repeat(750_001)}`],
    ['full of members in its elements', `{"a":[${`{${'"":0,'.repeat(999)}"":0},`.repeat(751)}`],
  ])('rejects a text that is %s, before its end', (_, text) => {
    const splitter = new JsonSplitter({ onValue: () => {}, onArray: () => () => {} });
    expect(() => splitter.write(text)).toThrow(SyntaxError);
  });
});
