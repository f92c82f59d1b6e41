// What a replica needs of the broker that it is in, and what it tells it.
import type { EngineHost } from '../../context.ts';
import type { QanatError } from '../../errors.ts';
import type { Platform } from '../../platform.ts';
import type { MasterRoute } from '../../wire/gen/registration-messages.ts';
import type { ReplicationOptions } from '../broker-options.ts';
import type { CommitLog } from '../log/commit-log.ts';
import type { Term } from '../term.ts';
import type { CatchUp } from './catch-up.ts';
import type { Mastership, MastershipEvents } from './mastership.ts';
import type { MasterLink } from './slave.ts';
import type { SnapshotLink } from './snapshot-fetch.ts';

export interface ReplicaParts {
  readonly host: EngineHost;
  readonly platform: Platform;
  readonly settings: Required<ReplicationOptions>;
  /** Name of the broker group. */
  readonly broker: string;
  readonly flush: 'sync' | 'async';
  readonly log: CommitLog;
  readonly term: Term;
  /** What is read for slaves that are not in sync, while it is master. */
  readonly catchUp: CatchUp;
  /** Makes who says which replica is master. `highestTerm`: that this replica knows of. */
  readonly mastership: (events: MastershipEvents, highestTerm: () => number) => Mastership;
  /** Makes the connection of a slave to its master. */
  readonly link: (
    address: string,
    events: { onOpen(): void; onClosed(error: QanatError | undefined): void },
  ) => MasterLink & SnapshotLink;
  /** Where the master listens, as this broker reaches it. */
  readonly addressOf: (route: MasterRoute) => string | undefined;
  readonly events: ReplicaEvents;
}

export interface ReplicaEvents {
  /** Its term is committed: it takes messages. */
  leads(): void;
  /** It is a slave from now on; nothing that was staged counts any more. */
  stoodDown(): void;
  /** What NameServers are told is another. */
  changed(): void;
  /** The master that is known is master no more: who is, NameServers are to be asked. */
  masterMissed(): void;
  /** The process is to be ended with this error; what its next start does is noted. */
  fatal(error: QanatError): void;
}
