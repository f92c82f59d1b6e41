import { produce } from '../../src/families/produce/index.ts';
import { checkFamily } from './family-check.ts';

checkFamily(produce);
