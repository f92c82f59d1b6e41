import { framing } from '../../src/families/framing/index.ts';
import { checkFamily } from './family-check.ts';

checkFamily(framing);
