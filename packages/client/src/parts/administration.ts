export { Admin } from '@qanat/core';
