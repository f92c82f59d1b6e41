import { producer } from '../../src/families/producer/index.ts';
import { checkFamily } from './family-check.ts';

checkFamily(producer);
