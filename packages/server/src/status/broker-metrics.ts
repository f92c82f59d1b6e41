import type { Broker, BrokerFigures } from '@qanat/core';
import type { Metric } from './metric.ts';

/** Topics and groups with series of their own. With more of them a scrape would cost more than it tells: the rest is left out. */
export const SERIES_MAX = 1_000;

export const BROKER_METRICS: readonly Metric<Broker>[] = [
  gauge('qanat_broker_term', 'Grows with each start.', (f) => f.term),
  gauge('qanat_broker_name_servers', 'NameServers that have the registration of the broker.', (f) => f.nameServers),
  gauge('qanat_broker_topics', 'Topics at the broker.', (f) => f.topics),
  gauge('qanat_broker_groups', 'Groups at the broker.', (f) => f.groups),
  gauge('qanat_broker_producers', 'Producer ids that the broker remembers.', (f) => f.producers),
  gauge('qanat_broker_polls', 'PULL requests that wait for messages.', (f) => f.polls),
  gauge('qanat_state_entries', 'Keys of keyed state, over all queues.', (f) => f.stateEntries),
  gauge('qanat_state_bytes', 'Bytes of keyed state, with 128 bytes for each entry.', (f) => f.stateBytes),
  gauge('qanat_log_staged_bytes', 'Bytes that wait to be stored.', (f) => f.stagedBytes),
  gauge(
    'qanat_log_damaged_segments',
    'Files of the log that were found damaged; see the log of the broker.',
    (f) => f.damagedSegments,
  ),
  gauge('qanat_log_disk_full', '1 while messages are refused because the disk is full.', (f) => (f.diskFull ? 1 : 0)),
  {
    name: 'qanat_log_written_bytes_total',
    help: 'Bytes written to the log in the life of the store, messages and state.',
    type: 'counter',
    read: (broker) => [[broker.figures().logEnd]],
  },
  {
    name: 'qanat_messages_out_total',
    help: 'Messages of the batches that were handed out to readers.',
    type: 'counter',
    read: (broker) => [[broker.figures().messagesOut]],
  },
  {
    name: 'qanat_messages_in_total',
    help: 'Messages stored in the life of the store, over the topics that exist.',
    type: 'counter',
    read: (broker) => [[sum(broker.topicFigures(), ({ stored }) => stored)]],
  },
  {
    name: 'qanat_topic_messages_in_total',
    help: `Messages stored in the life of a topic (the first ${SERIES_MAX} topics).`,
    type: 'counter',
    labels: ['topic'],
    read: (broker) => first(broker.topicFigures(), ({ topic, stored }) => [stored, topic]),
  },
  {
    name: 'qanat_topic_messages',
    help: `Messages that can be read (the first ${SERIES_MAX} topics).`,
    type: 'gauge',
    labels: ['topic'],
    read: (broker) => first(broker.topicFigures(), ({ topic, kept }) => [kept, topic]),
  },
  {
    name: 'qanat_group_members',
    help: `Members of a group that this broker hears (the first ${SERIES_MAX} groups).`,
    type: 'gauge',
    labels: ['group'],
    read: (broker) => first(broker.groupFigures(), ({ group, members }) => [members, group]),
  },
  {
    name: 'qanat_group_lag_messages',
    help: `Messages stored at this broker that a group has not committed (the first ${SERIES_MAX} groups).`,
    type: 'gauge',
    labels: ['group'],
    read: (broker) => first(broker.groupFigures(), ({ group, lag }) => [lag, group]),
  },
];

function gauge(name: string, help: string, read: (figures: BrokerFigures) => number): Metric<Broker> {
  return { name, help, type: 'gauge', read: (broker) => [[read(broker.figures())]] };
}

function sum<T>(items: Iterable<T>, value: (item: T) => number): number {
  let total = 0;
  for (const item of items) total += value(item);
  return total;
}

function* first<T>(items: Iterable<T>, sample: (item: T) => [number, string]): Iterable<[number, string]> {
  let left = SERIES_MAX;
  for (const item of items) {
    if (left-- === 0) return;
    yield sample(item);
  }
}
