import type { Header, View } from '../../history/view.ts';
import { isObject, type JsonObject } from '../../json.ts';
import { objectOf } from '../../play/program.ts';
import { type Act, actsOf, horizonOf, type Span } from './acts.ts';
import { GroupModel } from './group-model.ts';
import { QueueModel } from './queue-model.ts';
import { type Life, type QueueState, TopicModel } from './topic-model.ts';

/** What is known of a broker under test from what it acknowledged. What is not known is undefined, and nobody is judged by it. */
export class BrokerModel {
  readonly view: View;
  readonly acts: readonly Act[];
  /** Settings of the subject that the kit knows. */
  readonly settings: JsonObject;
  readonly #horizon: number;
  readonly #topics = new Map<string, TopicModel>();
  readonly #groups = new Map<string, GroupModel>();

  constructor(view: View) {
    this.view = view;
    this.acts = actsOf(view);
    this.#horizon = horizonOf(view);
    this.settings = settingsOf(view);
    for (const act of this.acts) {
      if (['TOPIC_CREATE', 'TOPIC_REMOVE', 'TOPIC_ALTER'].includes(act.name)) this.#topic(act.header.topic).see(act);
    }
    for (const act of this.acts) if (act.name === 'SEND') this.#topic(act.header.topic).sent(act);
    for (const act of this.acts) if (act.done === 'yes') for (const told of oldestOf(act)) this.#tell(act, told);
    for (const act of this.acts) if (typeof act.header.group === 'string') this.group(act.header.group);
  }

  get topicNames(): readonly string[] {
    return [...this.#topics.keys()];
  }

  get groups(): readonly GroupModel[] {
    return [...this.#groups.values()];
  }

  topic(name: string, span: Span): Life | 'absent' | undefined {
    return span.to >= this.#horizon ? undefined : this.#topic(name).state(span);
  }

  queue(topic: string, queue: number, span: Span): QueueState {
    return span.to >= this.#horizon ? undefined : this.#topic(topic).queue(queue, span);
  }

  /** All lives that a name had. */
  lives(topic: string): readonly Life[] {
    return this.#topic(topic).lives;
  }

  group(name: string): GroupModel {
    let group = this.#groups.get(name);
    if (group === undefined) {
      group = new GroupModel(name, this);
      this.#groups.set(name, group);
    }
    return group;
  }

  isBlind(span: Span): boolean {
    return span.to >= this.#horizon;
  }

  #tell(act: Act, { topic, queue: number, oldest }: OldestTold): void {
    const queue = this.queue(topic, number, act);
    if (queue instanceof QueueModel) queue.told(oldest, act);
  }

  #topic(name: string): TopicModel {
    let topic = this.#topics.get(name);
    if (topic === undefined) {
      const { retentionMs, retentionBytes } = objectOf(this.settings, 'log');
      topic = new TopicModel(name, retentionMs !== undefined || retentionBytes !== undefined);
      this.#topics.set(name, topic);
    }
    return topic;
  }
}

interface OldestTold {
  readonly topic: string;
  readonly queue: number;
  readonly oldest: number;
}

/** Where an answer tells oldest offsets. */
function oldestOf({ name, header, answer }: Act): readonly OldestTold[] {
  const items = (list: readonly Header[], topic?: string): readonly OldestTold[] =>
    list.map((one) => ({ topic: topic ?? one.topic, queue: one.queue, oldest: one.oldestOffset }));
  if (name === 'PULL') return items(answer.results);
  return name === 'TOPIC_DESCRIBE' ? items(answer.queues, header.topic) : [];
}

/** What a program, or its start of the subject, set. */
function settingsOf(view: View): JsonObject {
  const started = view
    .of('call')
    .flatMap(({ op, args }) => (op === 'start' && isObject(args) ? [objectOf(args, 'settings')] : []));
  const setups = view.notes('setup').flatMap(({ args }) => (isObject(args) ? [objectOf(args, 'broker')] : []));
  return Object.assign({}, ...setups, ...started);
}

const models = new WeakMap<View, BrokerModel>();

export function modelOf(view: View): BrokerModel {
  let model = models.get(view);
  if (model === undefined) {
    model = new BrokerModel(view);
    models.set(view, model);
  }
  return model;
}
