import { editBody, editEntries } from './edit-body.ts';
import type { Violation } from './effect.ts';

export const shortenInterval: Violation<'shorten_interval'> =
  (handle, { effect: { factor, announced } }) =>
  async (call) => {
    const settings = call.node.settings();
    const intervalMs = Math.max(1, Math.round(settings.intervalMs * factor));
    const node = { ...call.node, settings: () => ({ ...settings, intervalMs }) };
    const response = await handle({ ...call, node });
    if (announced) return response;
    const toSeconds = (ms: number) => ms / 1000 / node.timeScale();
    const hidden = toSeconds(settings.intervalMs - intervalMs);
    const delayed = editEntries(response, undefined, (chunk) => [{ ...chunk, due: (chunk.due ?? 0) + hidden }]);
    return editBody(delayed, (body) =>
      body.interval === undefined ? body : { ...body, interval: toSeconds(settings.intervalMs) },
    );
  };
