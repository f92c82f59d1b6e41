import { groups } from '../../src/families/groups/index.ts';
import { checkFamily } from './family-check.ts';

checkFamily(groups);
