import type { Act, Span } from './acts.ts';
import { QueueModel } from './queue-model.ts';

interface Size extends Span {
  readonly queues: number;
  readonly certain: boolean;
}

/** A topic from its making to its removal. */
export class Life {
  readonly topic: string;
  /** How many lives of the topic came before it. */
  readonly number: number;
  /** The request that made it, and its answer. */
  readonly made: Span;
  /** The request that removes it, and its answer. */
  removed: Span = { from: Number.POSITIVE_INFINITY, to: Number.POSITIVE_INFINITY };
  readonly #sizes: Size[] = [];
  readonly #queues = new Map<number, QueueModel>();
  readonly #drops: boolean;

  constructor(topic: string, number: number, made: Act, drops: boolean) {
    this.topic = topic;
    this.number = number;
    this.made = made;
    this.#drops = drops;
    this.resized(made);
  }

  /** TOPIC_CREATE, which made it, or TOPIC_ALTER. */
  resized({ from, to, done, header, answer }: Act): void {
    // The default is the subject's own: its answer tells.
    this.#sizes.push({ from, to, queues: header.queues || (answer?.queues ?? 0), certain: done === 'yes' });
  }

  /** How many queues it has. */
  queues({ from, to }: Span): { readonly least: number; readonly most: number } {
    const before = this.#sizes.filter((size) => size.certain && size.to < from).map(({ queues }) => queues);
    const begun = this.#sizes.filter((size) => size.from < to).map(({ queues }) => queues);
    return { least: Math.max(0, ...before), most: Math.max(0, ...begun) };
  }

  queue(number: number): QueueModel {
    let queue = this.#queues.get(number);
    if (queue === undefined) {
      queue = new QueueModel(this.topic, number, this.#drops);
      this.#queues.set(number, queue);
    }
    return queue;
  }
}

export type QueueState = QueueModel | 'TOPIC_NOT_FOUND' | 'QUEUE_NOT_FOUND' | undefined;

/** All lives of one name, as far as answers tell. */
export class TopicModel {
  readonly lives: Life[] = [];
  /** From here on it is not known whether there is such a topic. */
  doubtful = Number.POSITIVE_INFINITY;
  readonly #name: string;
  readonly #drops: boolean;
  #last: Span | undefined;

  constructor(name: string, drops: boolean) {
    this.#name = name;
    this.#drops = drops;
  }

  /** TOPIC_CREATE, TOPIC_REMOVE, TOPIC_ALTER, in the order of their requests. */
  see(act: Act): void {
    if (act.done === 'no') return;
    const life = this.lives.at(-1);
    if (act.name === 'TOPIC_ALTER') {
      life?.resized(act);
      return;
    }
    if (act.done === 'yes' && act.answer.existed === true) {
      if (this.state(act) === undefined || this.state(act) === 'absent') this.#doubt(act);
      return;
    }
    if (this.#last !== undefined && this.#last.to > act.from) this.#doubt(this.#last);
    this.#last = act;
    if (act.done === 'maybe') this.#doubt(act);
    if (act.name === 'TOPIC_CREATE') this.lives.push(new Life(this.#name, this.lives.length, act, this.#drops));
    else if (life === undefined) this.#doubt(act);
    else life.removed = act;
  }

  /** Undefined where it is not known, or changes meanwhile. */
  state({ from, to }: Span): Life | 'absent' | undefined {
    if (to >= this.doubtful) return undefined;
    const life = this.lives.find(({ made, removed }) => made.from < to && removed.to > from);
    if (life === undefined) return 'absent';
    return life.made.to < from && life.removed.from > to ? life : undefined;
  }

  queue(number: number, span: Span): QueueState {
    const life = this.state(span);
    if (life === undefined) return undefined;
    if (life === 'absent') return 'TOPIC_NOT_FOUND';
    const { least, most } = life.queues(span);
    if (number < least) return life.queue(number);
    return number >= most ? 'QUEUE_NOT_FOUND' : undefined;
  }

  /** Puts a SEND where it belongs. */
  sent(act: Act): void {
    const { from, to, header } = act;
    const life = this.state(act);
    if (life === 'absent') return;
    if (life !== undefined) return life.queue(header.queue).add(act, true);
    for (const one of this.lives) if (one.made.from < to && one.removed.to > from) one.queue(header.queue).add(act, false);
  }

  #doubt({ from }: Span): void {
    this.doubtful = Math.min(this.doubtful, from);
  }
}
