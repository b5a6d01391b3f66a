/** JSON that is not parsed yet; undefined if it exceeds a limit. */
export type JsonPart = string | undefined;

export interface JsonReceiver {
  /** Receives a member that is not an array. */
  readonly onValue: (name: string, value: JsonPart) => void;
  /** Called at the start of a member that is an array. @returns what receives its elements */
  readonly onArray: (name: string) => (element: JsonPart) => void;
}

/** Parts beyond a limit are not kept, because parsing them would take too much time or memory. */
export interface PartLimits {
  /** In characters. */
  readonly length: number;
  /** Of commas, colons, and opening brackets and braces within the part. */
  readonly delimiters: number;
}

/** In characters, unless the receiver expects longer parts. */
export const MAX_PART_LENGTH = 8 * 1024;
const DEFAULT_LIMITS: PartLimits = { length: MAX_PART_LENGTH, delimiters: MAX_PART_LENGTH };
/** Of members and elements at any depth. A listing of 32 MiB has fewer, since each contract has a hash. */
const MAX_ELEMENTS = 750_000;
const MAX_DEPTH = 32;

/** What the text continues with. */
type Position = 'object' | 'name' | 'value' | 'element' | 'after_array' | 'end';

/** The position after each character that can end a part. */
const NEXT: Readonly<Record<Position, Readonly<Record<string, Position>>>> = {
  object: {},
  name: { ':': 'value', '}': 'end' },
  value: { ',': 'name', '}': 'end' },
  element: { ',': 'element', ']': 'after_array' },
  after_array: { ',': 'name', '}': 'end' },
  end: {},
};

const LEADING_SPACE = /^[ \t\n\r]+/;
const [QUOTE, BACKSLASH, COMMA, COLON] = [34, 92, 44, 58];
const [OPEN_BRACKET, CLOSE_BRACKET, OPEN_BRACE, CLOSE_BRACE] = [91, 93, 123, 125];

/**
 * Splits a JSON object into its members, and arrays among them into their elements, while its text arrives. A long list
 * is never kept or parsed as a whole: memory is bounded by the longest part, and the time of one `write` by the
 * length of its text. The number of elements and the depth are limited, and nothing is read after the first error.
 *
 * Checks the structure around the parts. The receiver checks whether a part is JSON.
 */
export class JsonSplitter {
  readonly #receiver: JsonReceiver;
  readonly #limits: PartLimits;
  #position: Position = 'object';
  #name = '';
  #onElement: (element: JsonPart) => void = () => {};
  /** Whether nothing has followed the last brace or bracket that was entered. */
  #isFirst = true;
  /** The current part, up to the end of the last text; undefined if it exceeds a limit. */
  #part: JsonPart = '';
  /** In the current part. */
  #delimiters = 0;
  #elements = 0;
  /** Open brackets and braces within the current part. */
  #depth = 0;
  #isInString = false;
  #isEscaped = false;

  constructor(receiver: JsonReceiver, limits: PartLimits = DEFAULT_LIMITS) {
    this.#receiver = receiver;
    this.#limits = limits;
  }

  /** @throws SyntaxError if the text is not an object or exceeds a limit; also whatever the receiver throws */
  write(text: string): void {
    let start = 0;
    for (let at = 0; at < text.length; at++) {
      const code = text.charCodeAt(at);
      if (this.#isInString) {
        if (this.#isEscaped) this.#isEscaped = false;
        else if (code === BACKSLASH) this.#isEscaped = true;
        else if (code === QUOTE) this.#isInString = false;
        continue;
      }
      switch (code) {
        case QUOTE:
          this.#isInString = true;
          break;
        case OPEN_BRACE:
        case OPEN_BRACKET:
          if (this.#depth === 0 && this.#enter(code, text.slice(start, at))) start = at + 1;
          else {
            this.#depth += 1;
            this.#delimiters += 1;
          }
          if (this.#depth > MAX_DEPTH) throw new SyntaxError('the JSON is nested too deeply');
          break;
        case COMMA:
        case CLOSE_BRACE:
        case CLOSE_BRACKET:
        case COLON:
          if (code === COMMA) this.#countElement();
          if (this.#depth === 0) {
            this.#endPart(text.charAt(at), text.slice(start, at));
            start = at + 1;
          } else if (code === CLOSE_BRACE || code === CLOSE_BRACKET) this.#depth -= 1;
          else this.#delimiters += 1;
      }
    }
    this.#append(text.slice(start));
  }

  /** @throws SyntaxError if the object is incomplete or followed by other text */
  end(): void {
    if (this.#position !== 'end' || !isBlank(this.#part)) throw new SyntaxError('the JSON is not one complete object');
  }

  #countElement(): void {
    this.#elements += 1;
    if (this.#elements > MAX_ELEMENTS) throw new SyntaxError('the JSON has too many elements');
  }

  /** @returns whether the brace or bracket opens what is split; otherwise it belongs to a part */
  #enter(code: number, before: string): boolean {
    const isObject = this.#position === 'object' && code === OPEN_BRACE;
    const isArray = this.#position === 'value' && code === OPEN_BRACKET;
    if (!(isObject || isArray) || !isBlank(this.#part) || !isBlank(before)) return false;
    this.#position = isObject ? 'name' : 'element';
    if (isArray) this.#onElement = this.#receiver.onArray(this.#name);
    this.#isFirst = true;
    this.#part = '';
    return true;
  }

  #endPart(delimiter: string, text: string): void {
    this.#append(text);
    const [position, part, isFirst] = [this.#position, this.#part, this.#isFirst];
    const next = NEXT[position][delimiter];
    if (next === undefined) throw new SyntaxError('the JSON is not one complete object');
    this.#position = next;
    this.#part = '';
    this.#delimiters = 0;
    this.#isFirst = false;
    const isEmpty = isFirst && isBlank(part);
    if (next === 'value') this.#name = parseName(part);
    else if (position === 'value') this.#receiver.onValue(this.#name, part);
    else if (position === 'element' && !(isEmpty && next === 'after_array')) this.#onElement(part);
    else if ((position === 'name' && !isEmpty) || (position === 'after_array' && !isBlank(part)))
      throw new SyntaxError('the JSON has no name or comma where one must be');
  }

  /** White space before a part is not kept. */
  #append(text: string): void {
    if (this.#part === undefined) return;
    const part = this.#part === '' ? text.replace(LEADING_SPACE, '') : this.#part + text;
    const { length, delimiters } = this.#limits;
    this.#part = part.length > length || this.#delimiters > delimiters ? undefined : part;
  }
}

function isBlank(text: JsonPart): boolean {
  return text?.replace(LEADING_SPACE, '') === '';
}

function parseName(part: JsonPart): string {
  const name: unknown = JSON.parse(part ?? '');
  if (typeof name !== 'string') throw new SyntaxError('the JSON has a name that is not text');
  return name;
}
