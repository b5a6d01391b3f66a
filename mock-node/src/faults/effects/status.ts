import { type Connection, send } from '../../api/connection.ts';
import { json, withAllowedBody } from '../../api/response.ts';
import type { Replacement } from './effect.ts';

export const status: Replacement<'status'> = async ({ name, effect }, connection) => {
  const { status: code, retryAfterSeconds } = effect;
  const headers = retryAfterSeconds === undefined ? {} : { 'Retry-After': String(retryAfterSeconds) };
  await sendStatus(code, headers, { name, connection });
};

/** Sends an error response of the fault `name`. */
export async function sendStatus(
  code: number,
  headers: Readonly<Record<string, string>>,
  { name, connection }: { name: string; connection: Connection },
): Promise<void> {
  const body = { status: 'error', message: `HTTP ${code} because of the fault ${name}` };
  await send(withAllowedBody(json(body, code, headers)), connection);
}
