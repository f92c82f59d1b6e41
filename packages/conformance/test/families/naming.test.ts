import { naming } from '../../src/families/naming/index.ts';
import { checkFamily } from './family-check.ts';

checkFamily(naming);
