export * from './api.ts';
export { connect } from './connect.ts';
export { fileOffsetStore } from './file-offset-store.ts';
