import { hash } from 'node:crypto';

/** The id under which a node of the v1 API shows a farmer to everyone: it does not reveal the token. */
export function toFarmerId(token: string): string {
  return hash('sha256', Buffer.from(token, 'hex')).slice(0, 20);
}
