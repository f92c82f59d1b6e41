import type { Family } from '../../play/family.ts';
import { FRAME_CLAUSES } from './clauses-frames.ts';
import { JOINED_CLAUSES } from './clauses-joined.ts';
import { NAME_CLAUSES } from './clauses-names.ts';
import { TCP_CLAUSES } from './clauses-tcp.ts';
import { TYPE_CLAUSES } from './clauses-types.ts';
import { FRAMING_OPS } from './ops.ts';
import { JOINED_PROGRAMS } from './programs-joined.ts';
import { LENGTH_PROGRAMS } from './programs-lengths.ts';
import { NAME_PROGRAMS } from './programs-names.ts';
import { ORDER_PROGRAMS } from './programs-order.ts';
import { TCP_PROGRAMS } from './programs-tcp.ts';
import { TYPE_PROGRAMS } from './programs-types.ts';
import { WILD_OPS, WILD_PROGRAMS } from './wild.ts';

/** Invariants, data types and names, framing and the decode order, and TCP, as far as they bind servers. */
export const framing: Family = {
  name: 'framing',
  clauses: [...FRAME_CLAUSES, ...JOINED_CLAUSES, ...TYPE_CLAUSES, ...NAME_CLAUSES, ...TCP_CLAUSES],
  programs: [...ORDER_PROGRAMS, ...LENGTH_PROGRAMS, ...JOINED_PROGRAMS, ...TYPE_PROGRAMS, ...NAME_PROGRAMS, ...TCP_PROGRAMS],
  generated: { nameserver: WILD_PROGRAMS, broker: WILD_PROGRAMS },
  ops: { ...FRAMING_OPS, ...WILD_OPS },
};
