import type { BrokerGroup, QanatClient, ReplicaStatus } from '@qanat/client';
import type { Command } from 'commander';
import { canAsk, confirm } from '../confirm.ts';
import { CliError, ExitCode, isQanatError } from '../errors.ts';
import { option } from '../options.ts';
import { formatAmount } from '../output/figures.ts';
import {
  ADDRESS_COLUMN,
  ELECTION,
  groupDocument,
  inSyncCount,
  isElected,
  minInSyncOf,
  problemsOf,
  REPLICA_COLUMNS,
} from '../output/replica-view.ts';
import { type Column, formatTable } from '../output/table.ts';
import type { Session } from '../session.ts';
import { explainUnknownBroker } from '../unknown-name.ts';
import { withClient } from '../with-client.ts';
import { addExamples } from './examples.ts';
import { replicaOption } from './replication-options.ts';

const DETAIL_COLUMNS: readonly Column<ReplicaStatus>[] = [
  ...REPLICA_COLUMNS,
  { title: 'committed', cell: (row) => row.details?.committed, align: 'right' },
  { title: 'stored', cell: (row) => row.details?.stored, align: 'right' },
  { title: 'log end', cell: (row) => row.details?.logEnd, align: 'right' },
  ADDRESS_COLUMN,
  { title: 'copies from', cell: (row) => row.details?.following },
];

/** The group's problems, on standard error. */
export function warnOf(session: Session, group: BrokerGroup): void {
  for (const { text, hint } of problemsOf(group)) session.warn('replication', `${text}; ${hint}`, { group: group.broker });
}

function summaryOf(group: BrokerGroup): string {
  const least = minInSyncOf(group);
  const master = group.master === undefined ? 'no master' : `master is replica ${group.master}`;
  const inSync = least === undefined ? '' : `, ${inSyncCount(group)} in sync of ${least} demanded`;
  return `${group.broker}: ${formatAmount(group.replicas.length, 'replica')}, ${master}${inSync}`;
}

/** The call, for a broker of that name. What goes wrong is told once, by its error. */
const ask = <T>(session: Session, broker: string, call: (client: QanatClient) => Promise<T>): Promise<T> =>
  withClient(session, (client) => call(client).catch((error: unknown) => explainUnknownBroker(client, broker, error)), {
    onEvent: () => false,
  });

interface PromoteFlags {
  readonly replica: number;
  readonly acceptLoss?: boolean;
  readonly yes?: boolean;
}

async function promote(session: Session, broker: string, { replica, acceptLoss = false, yes }: PromoteFlags): Promise<void> {
  if (acceptLoss && yes !== true && canAsk(session)) {
    const question = `Make replica ${replica} master of ${broker}, and lose for ever what only other replicas have?`;
    if (!(await confirm(session, question))) return session.info('kept', 'nothing was changed');
  }
  const term = await ask(session, broker, (client) =>
    client.admin.promote(broker, replica, { ...session.call, acceptLoss }),
  ).catch((error: unknown) => {
    throw explainRefusal(error, broker, replica);
  });
  session.document({ group: broker, master: replica, term }, () => `replica ${replica} is master of ${broker}, term ${term}\n`);
}

function explainRefusal(error: unknown, broker: string, replica: number): unknown {
  if (!isQanatError(error) || error.code !== 'REPLICA_BEHIND') return error;
  const hint =
    `"qanat broker describe ${broker}" tells who is in sync: promote one that is (etcd elects it by itself), or start the old master again; ` +
    `--accept-loss makes replica ${replica} master all the same, and what only others have is lost`;
  return new CliError(ExitCode.FAILURE, `${error.message} (REPLICA_BEHIND)`, hint, error);
}

function addPromote(noun: Command, session: Session): void {
  const command = noun
    .command('promote <name>')
    .description('make a slave master of its group; stop the old master first where you can')
    .addOption(replicaOption('number of the slave').makeOptionMandatory())
    .addOption(option('--accept-loss', 'although it may lack committed messages, which are lost then'))
    .option('-y, --yes', 'do not ask')
    .action((name: string, flags: PromoteFlags) => promote(session, name, flags));
  addExamples(
    command,
    [
      ['qanat broker promote a --replica 1', 'its master is dead, and replica 1 was in sync'],
      ['qanat broker promote a --replica 2 --accept-loss', 'nobody who was in sync comes back'],
    ],
    'It is refused with REPLICA_BEHIND unless the replica is on record to have everything that is committed. An old master\n' +
      'that comes back, or still runs, finds the newer term and becomes a slave.',
  );
}

async function demote(session: Session, broker: string): Promise<void> {
  const group = await ask(session, broker, async (client) => {
    const found = await client.admin.describeBroker(broker, session.call);
    // Its hint is the one that fits this group; that of a request without a master has to fit all.
    if (found.master === undefined) throw new CliError(ExitCode.FAILURE, `${broker} has no master`, problemsOf(found)[0]?.hint);
    await client.admin.demote(broker, session.call);
    return found;
  });
  const next = isElected(group) ? ELECTION : `qanat broker promote ${broker} --replica N makes one`;
  session.document({ group: broker, master: null }, () => `${broker} has no master now: ${next}\n`);
}

function addDemote(noun: Command, session: Session): void {
  const command = noun
    .command('demote <name>')
    .description('make the master of a group a slave, before another replica is promoted')
    .action((name: string) => demote(session, name));
  addExamples(command, [['qanat broker demote a && qanat broker promote a --replica 1', 'moves the master as planned']]);
}

function addDescribe(noun: Command, session: Session): void {
  const command = noun
    .command('describe <name>')
    .description('show the replicas of a broker: roles, terms, positions in the log')
    .action(async (name: string) => {
      const group = await ask(session, name, (client) => client.admin.describeBroker(name, session.call));
      session.document(groupDocument(group), () => `${summaryOf(group)}\n\n${formatTable(DETAIL_COLUMNS, group.replicas)}`);
      warnOf(session, group);
    });
  addExamples(command, [
    ['qanat broker describe a', ''],
    ["qanat broker describe a -o json | jq '.replicas[] | select(.inSync) | .replica'", 'who is in sync'],
  ]);
}

/** What is done with the replicas of a broker, beside running one. */
export function addBrokerGroupCommands(broker: Command, session: Session): void {
  // Commander gives `--replica` to the outer command, which has one too, wherever it stands.
  broker.hook('preSubcommand', (_broker, subcommand) => {
    if (broker.getOptionValueSource('replica') !== 'cli') return;
    subcommand.setOptionValueWithSource('replica', broker.getOptionValue('replica'), 'cli');
  });
  addPromote(broker, session);
  addDemote(broker, session);
  addDescribe(broker, session);
}
