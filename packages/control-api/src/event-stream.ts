const LINE_END = /\r\n|\n|\r/;
/** No event is nearly as long: a stream without an end of line is none. */
const MAX_EVENT_LENGTH = 16 * 1024 * 1024;

/** The `data` of each server-sent event of a stream, in order. Comments, names and ids are passed over. */
export async function* parseEventStream(stream: ReadableStream<Uint8Array>): AsyncGenerator<string> {
  const decoder = new TextDecoder();
  let rest = '';
  let data: string[] = [];
  for await (const bytes of stream) {
    rest += decoder.decode(bytes, { stream: true });
    if (rest.length > MAX_EVENT_LENGTH) throw new Error('an event without an end');
    // A carriage return at the end may be half of a line's end.
    const whole = rest.endsWith('\r') ? rest.slice(0, -1) : rest;
    const lines = whole.split(LINE_END);
    rest = (lines.pop() ?? '') + rest.slice(whole.length);
    for (const line of lines) {
      if (line.startsWith('data:')) data.push(line.slice(5).replace(/^ /, ''));
      if (line !== '' || data.length === 0) continue;
      yield data.join('\n');
      data = [];
    }
  }
}
