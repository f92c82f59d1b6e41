export { Consumer } from '@qanat/core';
export { fetchOnce } from '../fetch-once.ts';
