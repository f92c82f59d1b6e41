export { Consumer } from '@qanat/core';
