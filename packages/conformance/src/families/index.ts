import type { Clause } from '../clause/clause.ts';
import type { Role } from '../driver/driver.ts';
import type { Family } from '../play/family.ts';
import { authentication } from './authentication/index.ts';
import { authorization } from './authorization/index.ts';
import { clients } from './clients/index.ts';
import { codec } from './codec/index.ts';
import { connection } from './connection/index.ts';
import { consume } from './consume/index.ts';
import { consumer } from './consumer/index.ts';
import { framing } from './framing/index.ts';
import { groups } from './groups/index.ts';
import { keyedState } from './keyed-state/index.ts';
import { mqtt, mqttCrashes } from './mqtt/index.ts';
import { naming } from './naming/index.ts';
import { produce } from './produce/index.ts';
import { producer } from './producer/index.ts';
import { replication } from './replication/index.ts';
import { websocket } from './websocket/index.ts';

/** All clauses of this kit, family by family. */
export const FAMILIES: readonly Family[] = [
  authentication,
  authorization,
  clients,
  codec,
  connection,
  consume,
  consumer,
  framing,
  groups,
  mqtt,
  mqttCrashes,
  keyedState,
  naming,
  produce,
  producer,
  replication,
  websocket,
];

/** The clauses that bind a role, over all families. */
export const clausesOf = (role: Role): readonly Clause[] =>
  FAMILIES.flatMap(({ clauses }) => clauses.filter(({ roles }) => roles.includes(role)));
