import type { QueueStatus, TopicDescription, TopicSummary } from '@qanat/client';
import type { Command } from 'commander';
import { canAsk, confirm } from '../confirm.ts';
import { listOf, option, wholeNumber } from '../options.ts';
import { formatAmount } from '../output/figures.ts';
import { isoTime } from '../output/json.ts';
import { type Column, formatTable } from '../output/table.ts';
import type { Session } from '../session.ts';
import { explainUnknownTopic } from '../unknown-name.ts';
import { withClient } from '../with-client.ts';
import { addExamples } from './examples.ts';

const SUMMARY_COLUMNS: readonly Column<TopicSummary>[] = [
  { title: 'topic', cell: (row) => row.topic },
  { title: 'queues', cell: (row) => row.queues, align: 'right' },
  { title: 'brokers', cell: (row) => row.brokers.join(',') },
];

const messagesIn = (queue: QueueStatus): number => queue.highWatermark - queue.oldestOffset;

const QUEUE_COLUMNS: readonly Column<QueueStatus>[] = [
  { title: 'broker', cell: (row) => row.broker },
  { title: 'queue', cell: (row) => row.queue, align: 'right' },
  { title: 'oldest', cell: (row) => (row.away ? undefined : row.oldestOffset), align: 'right' },
  { title: 'end', cell: (row) => (row.away ? undefined : row.highWatermark), align: 'right' },
  { title: 'messages', cell: (row) => (row.away ? undefined : messagesIn(row)), align: 'right' },
  { title: 'last stored', cell: (row) => (row.away ? 'broker is away' : (isoTime(row.lastStoreTimeMs) ?? undefined)) },
];

/** The shape of `topic describe -o json`. */
function topicDocument({ topic, queues }: TopicDescription): unknown {
  return {
    topic,
    queues: queues.map((queue) => ({
      broker: queue.broker,
      queue: queue.queue,
      away: queue.away,
      oldestOffset: queue.oldestOffset,
      highWatermark: queue.highWatermark,
      messages: messagesIn(queue),
      lastStoreTime: isoTime(queue.lastStoreTimeMs),
    })),
  };
}

function addTopicCreate(noun: Command, session: Session): void {
  const command = noun
    .command('create <topic>')
    .description('create a topic at every broker, or at those named')
    .addOption(option('-q, --queues <n>', 'queues at each broker; default: what the brokers say, 4', { parse: wholeNumber(1) }))
    .addOption(option('--brokers <names>', 'only at these brokers, a,b', { parse: listOf }))
    .action(async (topic: string, options: { queues?: number; brokers?: readonly string[] }) => {
      const result = await withClient(session, (client) => client.admin.createTopic(topic, { ...session.call, ...options }));
      session.document({ topic, result }, () => `${result === 'created' ? 'created' : 'existed already:'} ${topic}\n`);
    });
  addExamples(command, [
    ['qanat topic create orders', 'with the default number of queues'],
    ['qanat topic create orders --queues 8', 'with 8 queues at each broker'],
  ]);
}

function addTopicAlter(noun: Command, session: Session): void {
  const command = noun
    .command('alter <topic>')
    .description('give a topic more queues')
    .addOption(option('-q, --queues <n>', 'new number of queues at each broker', { parse: wholeNumber(1) }).makeOptionMandatory())
    .action(async (topic: string, { queues }: { queues: number }) => {
      await withClient(session, async (client) => {
        await client.admin
          .alterTopic(topic, { ...session.call, queues })
          .catch((error: unknown) => explainUnknownTopic(client, topic, error));
      });
      session.document(
        { topic, queuesPerBroker: queues },
        () => `${topic} has ${formatAmount(queues, 'queue')} at each broker\n`,
      );
    });
  addExamples(command, [['qanat topic alter orders --queues 16', 'queues are only ever added']]);
}

function addTopicList(noun: Command, session: Session): void {
  const command = noun
    .command('ls')
    .alias('list')
    .description('list the topics')
    .action(async () => {
      const topics = await withClient(session, (client) => client.admin.listTopics(session.call));
      session.rows(topics, SUMMARY_COLUMNS, 'no topics yet: qanat topic create NAME, or send to one');
    });
  addExamples(command, [
    ['qanat topic ls', ''],
    ["qanat topic ls -o json | jq -r '.[].topic'", 'only the names'],
  ]);
}

function addTopicDescribe(noun: Command, session: Session): void {
  const command = noun
    .command('describe <topic>')
    .description('show the queues of a topic and what they hold')
    .action(async (topic: string) => {
      const description = await withClient(session, (client) =>
        client.admin.describeTopic(topic, session.call).catch((error: unknown) => explainUnknownTopic(client, topic, error)),
      );
      const { queues } = description;
      const total = queues.reduce((sum, queue) => sum + messagesIn(queue), 0);
      session.document(
        topicDocument(description),
        () =>
          `${formatTable(QUEUE_COLUMNS, queues)}\n${formatAmount(total, 'message')} in ${formatAmount(queues.length, 'queue')}\n`,
      );
    });
  addExamples(command, [
    ['qanat topic describe orders', ''],
    ["qanat topic describe orders -o json | jq '.queues[] | select(.away)'", 'queues whose broker is away'],
  ]);
}

function addTopicRemove(noun: Command, session: Session): void {
  const command = noun
    .command('rm <topic>')
    .alias('remove')
    .description('remove a topic and its messages; on a terminal it asks first')
    .option('-y, --yes', 'do not ask')
    .action(async (topic: string, { yes }: { yes?: boolean }) => {
      await withClient(session, async (client) => {
        const explain = (error: unknown): Promise<never> => explainUnknownTopic(client, topic, error);
        if (yes !== true && canAsk(session)) {
          const { queues } = await client.admin.describeTopic(topic, session.call).catch(explain);
          const messages = queues.reduce((sum, queue) => sum + messagesIn(queue), 0);
          const agreed = await confirm(session, `Remove topic "${topic}" with ${formatAmount(messages, 'message')} for ever?`);
          if (!agreed) return session.info('kept', 'nothing was removed');
        }
        await client.admin.removeTopic(topic, session.call).catch(explain);
        session.document({ topic, result: 'removed' }, () => `removed ${topic}\n`);
      });
    });
  addExamples(command, [['qanat topic rm orders --yes', 'without a question']]);
}

export function addTopicCommands(program: Command, session: Session): void {
  const noun = program.command('topic').description('create, alter, list, describe and remove topics');
  addTopicCreate(noun, session);
  addTopicAlter(noun, session);
  addTopicList(noun, session);
  addTopicDescribe(noun, session);
  addTopicRemove(noun, session);
  addExamples(noun, [
    ['qanat topic ls', ''],
    ['qanat topic describe orders', ''],
    ['qanat topic create orders --queues 8', ''],
  ]);
}
