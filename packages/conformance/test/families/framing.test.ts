import { framing } from '../../src/families/framing.ts';
import { checkFamily } from './family-check.ts';

checkFamily(framing);
