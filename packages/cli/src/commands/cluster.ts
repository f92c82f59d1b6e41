import type { ReplicaStatus } from '@qanat/client';
import type { Command } from 'commander';
import { ADDRESS_COLUMN, groupDocument, REPLICA_COLUMNS } from '../output/replica-view.ts';
import { type Column, formatTable } from '../output/table.ts';
import type { Session } from '../session.ts';
import { withClient } from '../with-client.ts';
import { warnOf } from './broker-group.ts';
import { addExamples } from './examples.ts';

interface Row extends ReplicaStatus {
  readonly broker: string;
}

const COLUMNS: readonly Column<Row>[] = [{ title: 'group', cell: (row) => row.broker }, ...REPLICA_COLUMNS, ADDRESS_COLUMN];

async function tellStatus(session: Session): Promise<void> {
  const groups = await withClient(session, (client) => client.admin.describeBrokers(session.call));
  if (groups.length === 0 && !session.wantsJson) return session.info('empty', 'no brokers yet: qanat broker runs one');
  const rows = groups.flatMap(({ broker, replicas }) => replicas.map((one) => ({ broker, ...one })));
  session.document({ groups: groups.map(groupDocument) }, () => formatTable(COLUMNS, rows));
  for (const group of groups) warnOf(session, group);
}

export function addClusterCommands(program: Command, session: Session): void {
  const noun = program.command('cluster').description('show the brokers of the cluster and their replicas');
  const command = noun
    .command('status')
    .description('show every replica of every broker: its role, its state, whether it is in sync')
    .action(() => tellStatus(session));
  addExamples(
    command,
    [
      ['qanat cluster status', ''],
      ["qanat cluster status -o json | jq '.groups[].problems[]'", 'only what is wrong'],
    ],
    'What is wrong is told on standard error, with what can be done. Lag: bytes of the master’s log that a slave has not stored.',
  );
  addExamples(noun, [['qanat cluster status', '']]);
}
