/** Stub. */
export function openApi() {
  return { openapi: '3.1.1' };
}
