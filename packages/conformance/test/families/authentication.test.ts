import { authentication } from '../../src/families/authentication/index.ts';
import { checkFamily } from './family-check.ts';

checkFamily(authentication);
