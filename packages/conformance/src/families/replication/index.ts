import { CLIENT_OPS } from '../../play/client-ops.ts';
import type { Family, Op } from '../../play/family.ts';
import { PRODUCE_OPS } from '../produce/operations.ts';
import { PRODUCER_OPS } from '../producer/operations.ts';
import { MASTER_CLAUSES } from './broker-clauses.ts';
import { MASTER_PROGRAMS } from './broker-programs.ts';
import { CLIENT_PROGRAMS } from './client-programs.ts';
import { commitsAtMasters } from './commit-clause.ts';
import { GROUP_CLAUSES } from './group-clauses.ts';
import { JOINING_CLAUSES } from './joining-clauses.ts';
import { promoteSlave, storeAtMaster } from './kit-master.ts';
import { SLAVE_OPS } from './kit-slave.ts';
import { readSnapshot } from './kit-snapshot.ts';
import { NAME_SERVER_PROGRAMS } from './name-server-programs.ts';
import { keepsPositions } from './position-clause.ts';
import { PRODUCER_PROGRAMS } from './producer-programs.ts';
import { readsOn } from './reading-clause.ts';
import { READING_PROGRAMS } from './reading-programs.ts';
import { RECORD_CLAUSES } from './record-clauses.ts';
import { resends } from './resend-clause.ts';
import { ROUTE_CLAUSES } from './route-clauses.ts';
import { SLAVE_CLAUSES } from './slave-clauses.ts';
import { SLAVE_PROGRAMS } from './slave-programs.ts';
import { SNAPSHOT_CLAUSES } from './snapshot-clauses.ts';
import { SURVIVAL_CLAUSES } from './survival-clause.ts';

const { meddle, killNode, hangNode } = CLIENT_OPS;

/**
 * Replicas of a broker, what NameServers know of them and what clients make of them: chapter 25 of the specification, and of
 * chapters 08 and 09.
 */
export const replication: Family = {
  name: 'replication',
  clauses: [
    ...RECORD_CLAUSES,
    ...GROUP_CLAUSES,
    ...MASTER_CLAUSES,
    ...SLAVE_CLAUSES,
    ...SNAPSHOT_CLAUSES,
    ...SURVIVAL_CLAUSES,
    ...JOINING_CLAUSES,
    resends,
    ...ROUTE_CLAUSES,
    keepsPositions,
    commitsAtMasters,
    readsOn,
  ],
  programs: [
    ...NAME_SERVER_PROGRAMS,
    ...MASTER_PROGRAMS,
    ...SLAVE_PROGRAMS,
    ...PRODUCER_PROGRAMS,
    ...CLIENT_PROGRAMS,
    ...READING_PROGRAMS,
  ],
  ops: {
    die: PRODUCE_OPS.die as Op,
    drain: PRODUCE_OPS.drain as Op,
    meddle: meddle as Op,
    killNode: killNode as Op,
    hangNode: hangNode as Op,
    storeAtMaster,
    promoteSlave,
    readSnapshot,
    ...SLAVE_OPS,
    ...PRODUCER_OPS,
  },
};
