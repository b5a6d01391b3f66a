export * from './config.ts';
export * from './effects.ts';
export * from './faults.ts';
export * from './routes.ts';
export * from './scenarios.ts';
export * from './views.ts';
