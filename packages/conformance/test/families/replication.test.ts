import { replication } from '../../src/families/replication/index.ts';
import { checkFamily } from './family-check.ts';

checkFamily(replication);
