export { KeyedStateClient } from '@qanat/core';
