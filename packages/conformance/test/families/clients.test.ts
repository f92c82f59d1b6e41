import { clients } from '../../src/families/clients/index.ts';
import { checkFamily } from './family-check.ts';

checkFamily(clients);
