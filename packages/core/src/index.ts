export * from './errors.ts'; export * from "./wire/gen/messages.ts";export * from "./wire/gen/registry.ts";
export * from './clock.ts';
export * from './engine.ts';
export * from './platform.ts';
export * from './random.ts';
export * from './storage.ts';
export * from './timers.ts';
export * from './transport.ts';
