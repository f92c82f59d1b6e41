import { connection } from '../../src/families/connection/index.ts';
import { checkFamily } from './family-check.ts';

checkFamily(connection);
