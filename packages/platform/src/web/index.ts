export { EventStream, formatEvent } from './event-stream.ts';
export { createPageRouter } from './page-router.ts';
export { createWebApp } from './web-app.ts';
