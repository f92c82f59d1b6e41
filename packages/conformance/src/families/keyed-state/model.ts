import { AckLevel, FrameType, LIMITS } from '@qanat/core';
import type { Exchange, FrameSeen, View } from '../../history/view.ts';
import { isObject } from '../../json.ts';
import { numberOf, objectOf } from '../../play/program.ts';
import { fieldsOf } from '../produce/batch-oracle.ts';
import { type Death, Lives } from '../produce/lives.ts';
import { isNotLookedAt, isUncertain } from '../produce/sends.ts';
import { TopicBook } from '../produce/topic-book.ts';
import { Place } from './place.ts';
import type { Sentences } from './sentences.ts';
import { Sequences } from './sequences.ts';

export const KEYED_STATE = 2;
export const DEDUP = 3;

const STATE_FRAMES: ReadonlySet<string> = new Set(['STATE_WRITE', 'STATE_GET', 'STATE_SCAN', 'SEND']);

export const activeOn = ({ connection }: Exchange, feature: number): boolean =>
  (connection.helloOk?.features as readonly number[] | undefined)?.includes(feature) === true;

/** What the kit knows while it goes through a history, request by request. */
export class Model {
  readonly view: View;
  readonly lives: Lives;
  readonly say: Sentences;
  readonly sequences = new Sequences();
  readonly #topics: TopicBook;
  readonly #places = new Map<string, Place>();
  /** The highest version that a queue's state ever had, by its name. */
  readonly #top = new Map<string, number>();
  readonly #changes: readonly Exchange[];
  #deaths: readonly Death[];

  constructor(view: View, say: Sentences) {
    this.view = view;
    this.say = say;
    this.lives = new Lives(view);
    this.#topics = new TopicBook(view, this.lives);
    this.#deaths = this.lives.deaths;
    this.#changes = view.exchanges.filter(
      ({ name, header, request }) =>
        request.from === 'kit' && (name === 'STATE_WRITE' || (name === 'SEND' && header !== undefined)),
    );
  }

  /** All requests about keyed state, in the order in which they were sent. */
  get requests(): readonly Exchange[] {
    return this.view.exchanges.filter(
      ({ request, name, header }) =>
        request.from === 'kit' && name !== undefined && STATE_FRAMES.has(name) && header !== undefined && request.flags === 0,
    );
  }

  /** The subject has the feature: some connection of this history shows it. */
  has(feature: number): boolean {
    return this.view.connections.some(({ helloOk }) => (helloOk?.features ?? []).includes(feature));
  }

  /** Everything that ended the subject before this place. */
  advanceTo(index: number): void {
    for (const death of this.#deaths.filter((one) => one.index < index)) {
      for (const place of this.#places.values()) place.restarted(death);
      this.sequences.restarted();
    }
    this.#deaths = this.#deaths.filter((one) => one.index >= index);
  }

  /** The answer tells nothing of what was asked. */
  isMute({ connection, code, response }: Exchange): boolean {
    return response === undefined || (code !== undefined && (isUncertain(code) || isNotLookedAt(connection, code)));
  }

  /** Queues of the topic; 0: there is none. Undefined where nobody can say. */
  queuesOf({ header, request, response }: Exchange): number | undefined {
    return this.#topics.at(header.topic, request.index, response?.index ?? request.index)?.queues;
  }

  nameOf({ header }: Exchange): string {
    return `${header.topic}/${header.queue}`;
  }

  placeOf(exchange: Exchange): Place | undefined {
    const { header, request, response } = exchange;
    const generation = this.#topics.generation(header.topic, request.index, response?.index ?? request.index);
    if (generation === undefined) return undefined;
    const name = `${this.nameOf(exchange)} ${generation}`;
    let place = this.#places.get(name);
    if (place === undefined) {
      place = new Place();
      place.isNew = generation > 0;
      this.#places.set(name, place);
    }
    return place;
  }

  topOf(exchange: Exchange): number {
    return this.#top.get(this.nameOf(exchange)) ?? 0;
  }

  saw(exchange: Exchange, version: number): void {
    this.#top.set(this.nameOf(exchange), Math.max(this.topOf(exchange), version));
  }

  /** Changes of the same queue that were on their way beside this request: what it found depends on the moment. */
  beside(exchange: Exchange): readonly Exchange[] {
    const { request, response, connection } = exchange;
    const end = response?.index ?? Number.POSITIVE_INFINITY;
    const isChange = (one: Exchange): boolean => one.name === 'STATE_WRITE' || one.header.dedupId !== '';
    return this.#changes.filter(
      (one) =>
        one !== exchange &&
        isChange(one) &&
        this.nameOf(one) === this.nameOf(exchange) &&
        one.request.index < end &&
        (one.response?.index ?? this.#endOf(one)) > request.index &&
        (one.connection !== connection || one.request.index < request.index),
    );
  }

  /** What was never answered is decided when the subject ended, as far as it ever is. */
  #endOf({ request }: Exchange): number {
    return this.lives.deaths.find(({ index }) => index > request.index)?.index ?? Number.POSITIVE_INFINITY;
  }

  /** Where the set-up of the broker says another limit of a queue's state. */
  get queueBytesMax(): number {
    for (const { args } of this.view.notes('setup')) {
      const limits = isObject(args) ? objectOf(objectOf(args, 'broker'), 'limits') : {};
      if (limits.stateQueueBytesMax !== undefined) return numberOf(limits, 'stateQueueBytesMax', 0);
    }
    return LIMITS.STATE_QUEUE_BYTES_MAX;
  }

  /** The newest set-up before this place keeps no room for anything. */
  isDiskFull(index: number): boolean {
    const setup = this.view.notes('setup').findLast((one) => one.index < index)?.args;
    const log = isObject(setup) ? objectOf(objectOf(setup, 'broker'), 'log') : {};
    return numberOf(log, 'reserveBytes', 0) >= 2 ** 50;
  }

  frameBytesOf({ connection }: Exchange): number {
    return connection.hello?.header?.frameBytesMax || LIMITS.FRAME_BYTES_MAX;
  }
}

export const answerOf = ({ response, request }: Exchange): FrameSeen => response ?? request;

export const saidOf = ({ code }: Exchange): string => code ?? 'OK';

export const isNoAck = ({ header }: Exchange): boolean => header.ack === AckLevel.ACK_NONE;

export const batchOf = ({ request }: Exchange) => fieldsOf(request.payload);

export const isSend = ({ request }: Exchange): boolean => request.type === FrameType.SEND;
