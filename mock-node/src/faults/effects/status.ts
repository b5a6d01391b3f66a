import { type ApiResponse, json } from '../../api/response.ts';
import type { AppliedFault, Replacement } from './effect.ts';

export const status: Replacement<'status'> = (fault) => {
  const { status: code, retryAfterSeconds } = fault.effect;
  return createStatus(code, fault, retryAfterSeconds === undefined ? {} : { 'Retry-After': String(retryAfterSeconds) });
};

export function createStatus(code: number, { name }: AppliedFault, headers: ApiResponse['headers']): ApiResponse {
  return json({ status: 'error', message: `HTTP ${code} because of the fault ${name}` }, code, headers);
}
