// Puts the parts of a broker that is a replica together.
import type { EngineHost } from '../../context.ts';
import { QanatError } from '../../errors.ts';
import type { Login } from '../../security/login.ts';
import { sameBytes } from '../../security/scram.ts';
import { Feature, ReplicaRole } from '../../wire/gen/registry.ts';
import type { GroupRecord } from '../../wire/gen/replication-messages.ts';
import type { BrokerSettings } from '../broker-options.ts';
import type { CommitLog } from '../log/commit-log.ts';
import { ServerLink } from '../server-link.ts';
import type { Term } from '../term.ts';
import { CatchUp } from './catch-up.ts';
import { ElectedMastership } from './elected-mastership.ts';
import { ManualMastership } from './manual-mastership.ts';
import { masterAddress } from './master-address.ts';
import type { Mastership, MastershipEvents } from './mastership.ts';
import { NameServerRegister, type RecordLink } from './name-server-register.ts';
import { Replica } from './replica.ts';
import type { ReplicaEvents } from './replica-parts.ts';

/** What a replica asks for when it connects. */
export const REPLICATION: readonly number[] = [Feature.FEATURE_REPLICATION];

export interface ReplicaOfBrokerParts {
  readonly host: EngineHost;
  readonly settings: BrokerSettings;
  readonly login: Login | undefined;
  readonly log: CommitLog;
  readonly term: Term;
  /** To its NameServers. */
  readonly links: readonly RecordLink[];
  /** Another link to a master is in use from now on. */
  readonly linked: (link: ServerLink) => void;
  readonly events: ReplicaEvents;
}

/** The name of a replica is refused: another store has it. */
export function notOfGroup({ code, message, cause }: QanatError, role: ReplicaRole | undefined): QanatError {
  const hint =
    role === ReplicaRole.MASTER
      ? 'a broker that is not of this group has its name: stop that one'
      : 'another replica began the group: put the directory of this one away, and start it with --slave';
  return new QanatError(code, message, { cause, hint });
}

/** @returns undefined where the broker is alone. */
export function replicaOfBroker(parts: ReplicaOfBrokerParts): Replica | undefined {
  const { host, settings, login, log, term, linked, events } = parts;
  const { name: broker, software, flush, nameServers, platform, replication } = settings;
  if (replication === undefined) return undefined;
  return new Replica({
    host,
    platform,
    settings: replication,
    broker,
    flush,
    log,
    term,
    catchUp: new CatchUp(host, replication.catchUpBytesPerSecond),
    mastership: (decided, highestTerm) => mastershipOf(parts, replication, decided, highestTerm),
    link: (address, told) => {
      const greeting = { software, label: `${broker}/${replication.replica}`, features: REPLICATION };
      const link = new ServerLink(host, address, greeting, login, told);
      linked(link);
      return link;
    },
    addressOf: ({ endpoints }) => masterAddress(endpoints, nameServers),
    events,
  });
}

function mastershipOf(
  { host, settings: { name: broker, cluster }, log, links, events: { fatal } }: ReplicaOfBrokerParts,
  settings: Required<BrokerSettings>['replication'] & object,
  events: MastershipEvents,
  highestTerm: () => number,
): Mastership {
  const beginsAgain = ({ storeId }: GroupRecord): boolean => {
    if (log.endPosition > 0 || sameBytes(storeId, log.storeId)) return false;
    fatal(
      new QanatError('RESTART_REQUIRED', 'another replica began the group: the log of this one, which is empty, begins anew'),
    );
    return true;
  };
  const parts = { host, settings, storeId: () => log.storeId, highestTerm, beginsAgain, events };
  if (settings.mode === 'automatic') return new ElectedMastership({ ...parts, cluster, broker });
  return new ManualMastership({ ...parts, register: new NameServerRegister(host, broker, links) });
}
