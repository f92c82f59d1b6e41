import type { QanatError } from '../../errors.ts';
import type { ClientEvent, ClientHost, QueueId } from '../host.ts';
import type { DeadLetters } from './dead-letters.ts';
import type { Dispatcher } from './dispatcher.ts';
import type { ConsumerSettings } from './options.ts';
import type { Prefetch } from './prefetch.ts';

/** What the parts of one consumer share. */
export interface ConsumerScope {
  readonly host: ClientHost;
  /** The number of the consumer in its client, and of its polls. */
  readonly id: number;
  readonly settings: ConsumerSettings;
  readonly prefetch: Prefetch;
  readonly dispatcher: Dispatcher;
  /** Undefined: what fails is tried until it succeeds. */
  readonly deadLetters: DeadLetters | undefined;
  /** When the consumer began: `last` in a group means from then on. */
  readonly joinedAtMs: number;
  /** Nothing is pulled or handed out any more. */
  readonly closing: boolean;
  /** The brokers that this consumer pulls from. */
  readonly brokerCount: number;
  event(event: ClientEvent): void;
  /** An `error` event of this consumer. */
  trouble(error: QanatError): void;
  /** A broker refused the consumer for good: close, and end with this error. */
  refused(error: QanatError): void;
  isPaused(queue: QueueId): boolean;
  /** Whether the topic is in no route. */
  isGone(topic: string): boolean;
  /** A broker's assignment came: are we idle? */
  onAssigned(): void;
}
