const LINE_END = /\r\n|\n|\r/;
/** Far more than the longest event, so that a stream without line ends cannot exhaust memory. */
const MAX_EVENT_LENGTH = 16 * 1024 * 1024;

/** The `data` of each server-sent event of a stream, in order. Comments, event names and ids are ignored. */
export async function* parseEventStream(stream: ReadableStream<Uint8Array>): AsyncGenerator<string> {
  const decoder = new TextDecoder();
  let rest = '';
  let data: string[] = [];
  for await (const bytes of stream) {
    rest += decoder.decode(bytes, { stream: true });
    if (rest.length > MAX_EVENT_LENGTH) throw new Error(`an event exceeds ${MAX_EVENT_LENGTH} characters`);
    // A carriage return at the end may be the first half of a line end.
    const complete = rest.endsWith('\r') ? rest.slice(0, -1) : rest;
    const lines = complete.split(LINE_END);
    rest = (lines.pop() ?? '') + rest.slice(complete.length);
    for (const line of lines) {
      if (line.startsWith('data:')) data.push(line.slice(5).replace(/^ /, ''));
      if (line !== '' || data.length === 0) continue;
      yield data.join('\n');
      data = [];
    }
  }
}
