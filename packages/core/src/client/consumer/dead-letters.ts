import type { QanatError } from '../../errors.ts';
import type { RecordInit } from '../../wire/record.ts';
import type { ClientHost, RecordSender } from '../host.ts';
import type { Message } from './message.ts';

/** One send; what fails is tried again with the consumer's back-off. */
const SEND_MS = 10_000;
/** The message that this is a copy of: `topic/broker/queue/offset`. */
export const ORIGIN_PROPERTY = 'qnt.origin';
/** How many times it was tried. */
export const ATTEMPT_PROPERTY = 'qnt.attempt';

/** Where messages go that failed for the last time. */
export interface DeadLetterSettings {
  readonly topic: string;
  /** How many times a delivery is tried before. */
  readonly maxAttempts: number;
}

/** The copy of a message that goes to a dead-letter topic (spec, registries of properties). */
export function deadLetterOf(message: Message, attempt: number): RecordInit {
  const { topic, broker, queue, offset, body, tag, key, bornTimeMs } = message;
  const origin = `${topic}/${broker}/${queue}/${offset}`;
  const properties = { ...message.properties, [ORIGIN_PROPERTY]: origin, [ATTEMPT_PROPERTY]: String(attempt) };
  return { body, tag, key, bornTimeMs, properties };
}

/** Sends what failed too often to the dead-letter topic of a consumer. */
export class DeadLetters {
  readonly settings: DeadLetterSettings;
  readonly #host: ClientHost;
  #sender: RecordSender | undefined;

  constructor(host: ClientHost, settings: DeadLetterSettings) {
    this.#host = host;
    this.settings = settings;
  }

  /**
   * Sends copies of messages. @param stored those that an earlier try has stored; it is added to.
   * @param done with the first error, when every one of them is stored or has failed.
   */
  send(messages: readonly Message[], attempt: number, stored: Set<Message>, done: (error: QanatError | undefined) => void): void {
    const due = messages.filter((message) => !stored.has(message));
    let left = due.length;
    let first: QanatError | undefined;
    try {
      this.#sender ??= this.#host.producer();
    } catch (error) {
      return this.#later(() => done(error as QanatError));
    }
    const { topic } = this.settings;
    for (const message of due) {
      this.#sender.send(topic, deadLetterOf(message, attempt), { timeoutMs: SEND_MS }, (error) => {
        if (error === undefined) stored.add(message);
        first ??= error;
        left--;
        // A refusal may come before `send` returns: the caller hears of it afterwards.
        if (left === 0) this.#later(() => done(first));
      });
    }
  }

  close(): void {
    this.#sender?.close();
  }

  #later(run: () => void): void {
    const { engine } = this.#host;
    engine.timers.at(engine.nowMs(), run);
  }
}
