export { Consumer, fetchQueue } from '@qanat/core';
