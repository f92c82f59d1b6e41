import { consumer } from '../../src/families/consumer/index.ts';
import { checkFamily } from './family-check.ts';

checkFamily(consumer);
