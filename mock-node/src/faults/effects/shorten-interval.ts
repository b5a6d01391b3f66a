import { editBody } from './edit-body.ts';
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
    return editBody(response, ({ interval, chunks, ...body }) => ({
      ...body,
      ...(interval !== undefined && { interval: toSeconds(settings.intervalMs) }),
      ...(chunks && { chunks: chunks.map((chunk) => ({ ...chunk, due: (chunk.due ?? 0) + hidden })) }),
    }));
  };
