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
    const interval = settings.intervalMs / 1000 / node.timeScale();
    return editBody(response, (body) => (body.interval === undefined ? body : { ...body, interval }));
  };
