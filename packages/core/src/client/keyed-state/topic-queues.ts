import { QanatError } from '../../errors.ts';
import { checkName } from '../../model/names.ts';
import { queueHash, queueOfKey } from '../../model/queue-by-key.ts';
import { textChecksum } from '../../wire/record.ts';
import type { ClientHost, QueueId, TopicRoute } from '../host.ts';

type QueuesDone = (error: QanatError | undefined, queues: readonly QueueId[]) => void;

/** The queues of one topic, as its route tells them; the route is watched from the first question on. */
export class TopicQueues {
  readonly #host: ClientHost;
  readonly #topic: string;
  #watching = false;
  #route: TopicRoute | undefined;
  #queues: readonly QueueId[] = [];
  #hashes: readonly number[] = [];
  readonly #waiting = new Set<() => void>();

  constructor(host: ClientHost, topic: string) {
    this.#host = host;
    this.#topic = topic;
  }

  queueOf(text: string, timeoutMs: number, done: (error: QanatError | undefined, queue: QueueId) => void): void {
    this.all(timeoutMs, (error, queues) => {
      if (error !== undefined) return done(error, undefined as never);
      const at = queueOfKey(textChecksum(this.#host.platform, text), this.#hashes);
      return done(undefined, queues[at] as QueueId);
    });
  }

  all(timeoutMs: number, done: QueuesDone): void {
    try {
      if (!this.#watching) checkName('topic', this.#topic);
    } catch (error) {
      return done(error as QanatError, []);
    }
    if (!this.#watching) {
      this.#watching = true;
      this.#host.watchRoute(this.#topic, (route) => this.#take(route));
    }
    if (this.#queues.length > 0) return done(undefined, this.#queues);
    if (this.#route?.found !== false) return this.#wait(timeoutMs, done);
    // It may have been made since: whoever asks again soon shall hear of it.
    this.#host.refreshRoute(this.#topic);
    return done(missing(this.#route), []);
  }

  #wait(timeoutMs: number, done: QueuesDone): void {
    const { engine } = this.#host;
    const timer = engine.timers.at(engine.nowMs() + timeoutMs, () => end(late(this.#topic)));
    const look = (): void => {
      if (this.#queues.length > 0) end(undefined);
      else if (this.#route?.found === false) end(missing(this.#route));
    };
    const end = (error: QanatError | undefined): void => {
      timer.cancel();
      this.#waiting.delete(look);
      done(error, error === undefined ? this.#queues : []);
    };
    this.#waiting.add(look);
  }

  #take(route: TopicRoute): void {
    this.#route = route;
    this.#queues = route.shares.flatMap(({ broker, queues }) =>
      Array.from({ length: queues }, (_, queue) => ({ topic: this.#topic, broker, queue })),
    );
    this.#hashes = this.#queues.map(({ broker, queue }) => queueHash(this.#host.platform, broker, queue));
    for (const look of [...this.#waiting]) look();
  }
}

const missing = ({ topic, forbidden }: TopicRoute): QanatError =>
  forbidden === true
    ? new QanatError('FORBIDDEN', `topic "${topic}": this client may not hear of it`)
    : new QanatError('TOPIC_NOT_FOUND', `topic "${topic}" does not exist`);

const late = (topic: string): QanatError =>
  new QanatError('TIMEOUT', `topic "${topic}": no NameServer told where it is`, { outcome: 'not-sent' });
