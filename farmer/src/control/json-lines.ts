import { yieldToEventLoop } from '@downstream/platform';

const BATCH = 100;

/** Writes values as JSON, one per line, in pieces of some lines. Between two pieces, other work has a turn. */
export async function* toJsonLines(values: Iterable<object>): AsyncGenerator<string> {
  let lines: string[] = [];
  for (const value of values) {
    lines.push(`${JSON.stringify(value)}\n`);
    if (lines.length < BATCH) continue;
    yield lines.join('');
    lines = [];
    await yieldToEventLoop();
  }
  yield lines.join('');
}
