import type { Violation } from './effect.ts';

export const clockSkew: Violation<'clock_skew'> =
  (handle, { effect }) =>
  async (call) => {
    const response = await handle(call);
    const { Date: date } = response.headers;
    const time = date === undefined ? call.node.now() : Date.parse(date);
    return { ...response, headers: { ...response.headers, Date: new Date(time + effect.ms).toUTCString() } };
  };
