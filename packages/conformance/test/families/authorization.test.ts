import { authorization } from '../../src/families/authorization/index.ts';
import { checkFamily } from './family-check.ts';

checkFamily(authorization);
