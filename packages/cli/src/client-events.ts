import type { ClientEvent, QueueId } from '@qanat/core';
import type { Note } from './output/diagnostics.ts';
import { formatAmount } from './output/figures.ts';
import { formatQueues } from './output/queue-list.ts';

/** What is told about an event of the client. */
export function noteOfEvent(event: ClientEvent): Note {
  switch (event.kind) {
    case 'connected':
      return {
        level: 'debug',
        event: event.kind,
        text: `connected to ${event.peer} at ${event.address}`,
        fields: { peer: event.peer, address: event.address },
      };
    case 'disconnected':
      return {
        level: event.error === undefined ? 'debug' : 'warn',
        event: event.kind,
        text: `lost the connection to ${event.peer} at ${event.address}${whyOf(event.error)}`,
        fields: { peer: event.peer, address: event.address, code: event.error?.code },
      };
    case 'waiting-for-topic':
      return {
        level: 'warn',
        event: event.kind,
        text: `waiting for topic "${event.topic}": it does not exist yet`,
        fields: { topic: event.topic },
      };
    case 'assigned':
    case 'revoked':
      return {
        level: 'info',
        event: event.kind,
        text: `${event.kind}: ${formatAmount(event.queues.length, 'queue')}, ${formatQueues(event.queues)}`,
        fields: { queues: event.queues },
      };
    case 'idle':
      return {
        level: 'info',
        event: event.kind,
        text: `idle: ${formatAmount(event.members, 'member')} for ${formatAmount(event.queues, 'queue')}`,
        fields: { members: event.members, queues: event.queues },
      };
    case 'reading':
      return {
        level: event.from === 'slave' ? 'warn' : 'info',
        event: event.kind,
        text: `reading broker ${event.broker} at ${event.from === 'slave' ? `slave ${event.peer}` : 'its master'}: ${event.message}`,
        fields: { broker: event.broker, peer: event.peer },
      };
    case 'lagging': {
      const lag = event.queues.reduce((sum, queue) => sum + queue.lag, 0);
      return {
        level: 'warn',
        event: event.kind,
        text: `falling behind by ${formatAmount(lag, 'message')}: ${formatQueues(event.queues)}`,
        fields: { lag, queues: event.queues },
      };
    }
    case 'retrying':
      return {
        level: 'warn',
        event: event.kind,
        text: `trying again ${placeOf(event)} (attempt ${event.attempt})${whyOf(event.error)}`,
        fields: { queue: event.queue, offset: event.offset, attempt: event.attempt },
      };
    case 'dead-letter':
      return {
        level: 'error',
        event: event.kind,
        text: `gave up ${formatAmount(event.count, 'message')} at ${placeOf(event)} after ${formatAmount(event.attempt, 'attempt')}: now in topic ${event.topic}${whyOf(event.error)}`,
        fields: { queue: event.queue, offset: event.offset, count: event.count, attempt: event.attempt, topic: event.topic },
      };
    case 'undecodable':
      return {
        level: 'error',
        event: event.kind,
        text: `passed ${formatAmount(event.count, 'message')} from ${placeOf(event)} on${whyOf(event.error)}`,
        fields: { queue: event.queue, offset: event.offset, count: event.count, code: event.error.code },
      };
    case 'error':
      return {
        level: 'error',
        event: event.kind,
        text: `${event.error.message}; ${event.error.hint}`,
        fields: { code: event.error.code, hint: event.error.hint },
      };
    default:
      return {
        level: 'debug',
        event: String((event as { kind: unknown }).kind),
        text: `event ${String((event as { kind: unknown }).kind)}`,
      };
  }
}

const placeOf = ({ queue, offset }: { readonly queue: QueueId; readonly offset: number }): string =>
  `${formatQueues([queue])} @${offset}`;

function whyOf(error: unknown): string {
  if (error === undefined) return '';
  return `: ${error instanceof Error ? error.message : String(error)}`;
}
