import type { GroupDescription, GroupMember, GroupOverview, GroupQueueStatus } from '@qanat/client';
import type { Command } from 'commander';
import { formatAmount } from '../output/figures.ts';
import { formatQueues } from '../output/queue-list.ts';
import { type Column, formatTable } from '../output/table.ts';
import type { Session } from '../session.ts';
import { explainUnknownGroup } from '../unknown-name.ts';
import { withClient } from '../with-client.ts';
import { addExamples } from './examples.ts';
import { addGroupReset } from './group-reset.ts';

const SUMMARY_COLUMNS: readonly Column<GroupOverview>[] = [
  { title: 'group', cell: (row) => row.group },
  { title: 'kind', cell: (row) => row.kind },
  { title: 'members', cell: (row) => row.members, align: 'right' },
  { title: 'lag', cell: (row) => row.lag, align: 'right' },
];

const MEMBER_COLUMNS: readonly Column<GroupMember>[] = [
  { title: 'member', cell: (row) => row.label },
  { title: 'id', cell: (row) => row.id },
  { title: 'address', cell: (row) => row.address },
  { title: 'queues', cell: (row) => (row.idle ? 'none' : formatQueues(row.queues)) },
];

/** A queue's row says the label of its member, which people know, instead of the id. */
function queueColumns(members: readonly GroupMember[]): readonly Column<GroupQueueStatus>[] {
  const labels = new Map(members.map(({ id, label }) => [id, label]));
  return [
    { title: 'topic', cell: (row) => row.topic },
    { title: 'broker', cell: (row) => row.broker },
    { title: 'queue', cell: (row) => row.queue, align: 'right' },
    { title: 'committed', cell: (row) => row.committed, align: 'right' },
    { title: 'end', cell: (row) => row.highWatermark, align: 'right' },
    { title: 'lag', cell: (row) => row.lag, align: 'right' },
    { title: 'member', cell: (row) => (row.member === undefined ? undefined : (labels.get(row.member) ?? row.member)) },
  ];
}

const lagOf = ({ queues }: GroupDescription): number => queues.reduce((sum, queue) => sum + queue.lag, 0);

function queueDocument({ topic, broker, queue, committed, highWatermark, oldestOffset, lag, member }: GroupQueueStatus): unknown {
  return { topic, broker, queue, committed: committed ?? null, highWatermark, oldestOffset, lag, member: member ?? null };
}

/** The shape of `group describe -o json`. */
function groupDocument(group: GroupDescription): unknown {
  return {
    group: group.group,
    kind: group.kind,
    topics: group.topics,
    strategy: group.strategy,
    subscriptionVersion: group.subscriptionVersion,
    lag: lagOf(group),
    members: group.members.map(({ id, label, address, queues, idle }) => ({
      id,
      label,
      address,
      queues: queues.map(({ topic, broker, queue }) => ({ topic, broker, queue })),
      idle,
    })),
    queues: group.queues.map(queueDocument),
    missingBrokers: group.missingBrokers,
  };
}

/** The record that members must agree on, beside its topics. */
const dividedHow = ({ strategy, subscriptionVersion }: GroupDescription): string =>
  `${strategy === 'circle' ? 'by circle' : strategy}, subscription version ${subscriptionVersion}`;

function groupText(group: GroupDescription): string {
  const topics = Object.entries(group.topics).map(([topic, filter]) => (filter === '*' ? topic : `${topic} (${filter})`));
  const idle = group.members.filter((member) => member.idle).length;
  const tooMany = group.members.length > group.queues.length && group.missingBrokers.length === 0;
  const why = tooMany ? 'idle: more members than queues' : 'without a queue at the brokers that answer';
  const members = `${formatAmount(group.members.length, 'member')}${idle === 0 ? '' : `, ${idle} of them ${why}`}`;
  return [
    `${group.group}: ${group.kind}, topics ${topics.join(', ') || '-'}; divided ${dividedHow(group)}\n`,
    `${members}; lag ${formatAmount(lagOf(group), 'message')}\n`,
    group.members.length === 0 ? '' : `\n${formatTable(MEMBER_COLUMNS, group.members)}`,
    group.queues.length === 0 ? '' : `\n${formatTable(queueColumns(group.members), group.queues)}`,
  ].join('');
}

async function describeGroup(session: Session, group: string): Promise<GroupDescription> {
  const description = await withClient(session, (client) =>
    client.admin.describeGroup(group, session.call).catch((error: unknown) => explainUnknownGroup(client, group, error)),
  );
  if (description.missingBrokers.length > 0) {
    session.warn('incomplete', `no answer from ${description.missingBrokers.join(', ')}: what they know is missing`, {
      missingBrokers: description.missingBrokers,
    });
  }
  return description;
}

function addGroupList(noun: Command, session: Session): void {
  const command = noun
    .command('ls')
    .alias('list')
    .description('list the groups')
    .action(async () => {
      const groups = await withClient(session, (client) => client.admin.listGroups(session.call));
      session.rows(groups, SUMMARY_COLUMNS, 'no groups yet: qanat tail TOPIC --group NAME makes one');
    });
  addExamples(command, [['qanat group ls', '']]);
}

function addGroupDescribe(noun: Command, session: Session): void {
  const command = noun
    .command('describe <group>')
    .description('show the members of a group, their queues and how far they are')
    .action(async (group: string) => {
      const description = await describeGroup(session, group);
      session.document(groupDocument(description), () => groupText(description));
    });
  addExamples(command, [
    ['qanat group describe billing', ''],
    ["qanat group describe billing -o json | jq '.members[] | select(.idle)'", 'members without a queue'],
  ]);
}

function addGroupLag(noun: Command, session: Session): void {
  const command = noun
    .command('lag <group>')
    .description('show how many messages a group has not committed yet')
    .action(async (group: string) => {
      const description = await describeGroup(session, group);
      const { queues, members } = description;
      session.document(
        { group, lag: lagOf(description), queues: queues.map(queueDocument) },
        () => `${formatTable(queueColumns(members), queues)}\nlag of ${group}: ${formatAmount(lagOf(description), 'message')}\n`,
      );
    });
  addExamples(command, [
    ['qanat group lag billing', ''],
    ['qanat group lag billing -o json | jq .lag', 'one number'],
  ]);
}

export function addGroupCommands(program: Command, session: Session): void {
  const noun = program.command('group').description('list and describe groups, show their lag, move their offsets');
  addGroupList(noun, session);
  addGroupDescribe(noun, session);
  addGroupLag(noun, session);
  addGroupReset(noun, session);
  addExamples(noun, [
    ['qanat group ls', ''],
    ['qanat group lag billing', ''],
    ['qanat group reset billing --to -1h', 'shows the plan; --yes carries it out'],
  ]);
}
