export * from './client.ts';
export * from './config.ts';
export { ControlError } from './control-error.ts';
export * from './effects.ts';
export * from './faults.ts';
export * from './field-errors.ts';
export * from './operations.ts';
export * from './scenarios.ts';
export * from './views.ts';
