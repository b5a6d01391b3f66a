export { getClientErrorStatus } from './client-error.ts';
export { EventStream, formatEvent } from './event-stream.ts';
export { createHostGuard } from './host-guard.ts';
export { createPageRouter } from './page-router.ts';
export { createWebApp } from './web-app.ts';
