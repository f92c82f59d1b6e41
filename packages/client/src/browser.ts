export * from './api.ts';
export { connect } from './connect-in-browser.ts';
