import { clientCommon } from '../../src/families/client-common/index.ts';
import { checkFamily } from './family-check.ts';

checkFamily(clientCommon);
