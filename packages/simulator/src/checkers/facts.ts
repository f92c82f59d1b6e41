import { brokerOf, type EventOf, type HistoryEvent, type QueueKey } from '../history/index.ts';

export interface SendFacts {
  readonly invoked: EventOf<'sendInvoked'>;
  readonly invokedAt: number;
  completed: EventOf<'sendCompleted'> | undefined;
  /** Index in the history; infinity: never. */
  completedAt: number;
}

export interface Place {
  readonly queue: QueueKey;
  readonly offset: number;
}

/** From when to when a node was struck; an end of infinity means to the end of the history. */
export interface Span {
  readonly fault: string;
  readonly node: string;
  readonly fromMs: number;
  toMs: number;
}

/** What several checkers ask of a history, collected in one walk. */
export interface Facts {
  readonly events: readonly HistoryEvent[];
  readonly flush: 'sync' | 'async';
  /** Brokers have slaves. */
  readonly replicated: boolean;
  /** A slave may end so that it begins its log anew. */
  readonly beginsAnew: boolean;
  readonly sends: ReadonlyMap<string, SendFacts>;
  readonly groups: ReadonlyMap<string, EventOf<'group'>>;
  /** What the fresh group read at the end. */
  readonly log: ReadonlyMap<QueueKey, ReadonlyMap<number, string>>;
  readonly places: ReadonlyMap<string, readonly Place[]>;
  readonly ends: ReadonlyMap<QueueKey, EventOf<'queueDrained'>>;
  /** Index of the first event after which duplicates are excused. */
  readonly firstFault: number;
  /** Faults by kind and node. */
  readonly struck: ReadonlySet<string>;
  readonly spans: readonly Span[];
  /** Brokers that were down when the run ended: what they hold was not read. */
  readonly downAtEnd: ReadonlySet<string>;
  /** Brokers that refuse their log since it was damaged. */
  readonly refused: ReadonlySet<string>;
  /** Brokers under asynchronous flush that lost their power, or of which an operator accepted a loss. */
  readonly cutBrokers: ReadonlySet<string>;
  /** Groups whose offsets were reset, and those that may have been moved past messages. */
  readonly reset: ReadonlySet<string>;
  readonly movedForward: ReadonlySet<string>;
}

/** What is no fault: nobody may see anything twice because of it (semantics: no duplicate without a fault). */
const HARMLESS: ReadonlySet<string> = new Set(['stop', 'clockStep', 'all']);
const DOWN: ReadonlySet<string> = new Set(['stopping', 'stopped', 'killed', 'powerCut', 'failed']);

/**
 * The broker of which some of what it acknowledged may be gone from now on, though everything works. Flush is asynchronous, and
 * it lost its power; or, where it has slaves, nobody is left who has everything, and an operator accepted that.
 */
export function lossOf({ flush, replicated }: Pick<Facts, 'flush' | 'replicated'>, event: HistoryEvent): string | undefined {
  if (flush === 'sync') return undefined;
  if (event.kind === 'fault' && event.fault === 'acceptLoss') return event.nodes?.[0];
  const loses = event.kind === 'node' && event.role === 'broker' && event.state === 'powerCut' && !replicated;
  return loses ? event.node : undefined;
}

/** A planned restart that takes longer is a fault: members that close wait 10 s for a broker that said that it stops. */
const STOP_MS_MAX = 8_000;

class FactsFold {
  readonly sends = new Map<string, SendFacts>();
  readonly groups = new Map<string, EventOf<'group'>>();
  readonly log = new Map<QueueKey, Map<number, string>>();
  readonly places = new Map<string, Place[]>();
  readonly ends = new Map<QueueKey, EventOf<'queueDrained'>>();
  readonly struck = new Set<string>();
  readonly spans: Span[] = [];
  readonly refused = new Set<string>();
  readonly cutBrokers = new Set<string>();
  readonly reset = new Set<string>();
  readonly movedForward = new Set<string>();
  flush: 'sync' | 'async' = 'sync';
  replicated = false;
  beginsAnew = false;
  readonly downAtEnd = new Set<string>();
  readonly #stoppedAt = new Map<string, number>();
  firstFault = Number.POSITIVE_INFINITY;

  see(event: HistoryEvent, index: number): void {
    const loser = lossOf(this, event);
    if (loser !== undefined) this.cutBrokers.add(loser);
    switch (event.kind) {
      case 'run':
        this.flush = event.flush;
        this.replicated = event.replicated === true;
        this.beginsAnew = event.beginsAnew === true;
        break;
      case 'sendInvoked':
        this.sends.set(event.value, {
          invoked: event,
          invokedAt: index,
          completed: undefined,
          completedAt: Number.POSITIVE_INFINITY,
        });
        break;
      case 'sendCompleted':
        this.#completed(event, index);
        break;
      case 'group':
        this.groups.set(event.group, event);
        break;
      case 'drained':
        if (event.value !== undefined) this.#drained(event.queue, event.offset, event.value);
        break;
      case 'queueDrained':
        this.ends.set(event.queue, event);
        break;
      case 'reset':
        this.reset.add(event.group);
        if (event.forward) this.movedForward.add(event.group);
        break;
      case 'fault':
        this.#fault(event, index);
        break;
      case 'node':
        this.#node(event, index);
        break;
    }
  }

  /** A batch that is sent twice on purpose is judged by its first success. */
  #completed(event: EventOf<'sendCompleted'>, index: number): void {
    const send = this.sends.get(event.value);
    if (send === undefined || send.completed?.outcome === 'ok') return;
    send.completed = event;
    send.completedAt = index;
  }

  #drained(queue: QueueKey, offset: number, value: string): void {
    const log = this.log.get(queue);
    // What comes twice to the fresh group was counted the first time.
    if (log?.has(offset)) return;
    if (log === undefined) this.log.set(queue, new Map([[offset, value]]));
    else log.set(offset, value);
    const places = this.places.get(value);
    if (places === undefined) this.places.set(value, [{ queue, offset }]);
    else places.push({ queue, offset });
  }

  #fault(event: Extract<HistoryEvent, { kind: 'fault' }>, index: number): void {
    const { fault, phase, nodes = [], atMs } = event;
    if (!HARMLESS.has(fault)) this.firstFault = Math.min(this.firstFault, index);
    // A node that refuses its log stays down when all faults have ended.
    if (phase === 'end' && fault === 'all')
      for (const span of this.spans) if (span.fault !== 'down') span.toMs = Math.min(span.toMs, atMs);
    for (const node of nodes) {
      this.struck.add(`${fault} ${node}`);
      if (phase === 'begin') this.spans.push({ fault, node, fromMs: atMs, toMs: Number.POSITIVE_INFINITY });
      else if (phase === 'end') {
        const open = this.spans.findLast((span) => span.fault === fault && span.node === node);
        if (open !== undefined) open.toMs = Math.min(open.toMs, atMs);
      }
    }
  }

  #node({ node, role, state, code, atMs }: Extract<HistoryEvent, { kind: 'node' }>, index: number): void {
    if (state === 'started') this.downAtEnd.delete(node);
    else if (DOWN.has(state) && role === 'broker') this.downAtEnd.add(node);
    if (state === 'failed') {
      this.firstFault = Math.min(this.firstFault, index);
      if (code === 'CORRUPT_LOG' && this.struck.has(`rot ${node}`)) this.refused.add(node);
    }
    const open = this.spans.findLast(
      (span) => span.fault === 'down' && span.node === node && span.toMs === Number.POSITIVE_INFINITY,
    );
    if (DOWN.has(state) && open === undefined)
      this.spans.push({ fault: 'down', node, fromMs: atMs, toMs: Number.POSITIVE_INFINITY });
    else if (state === 'started' && open !== undefined) {
      open.toMs = atMs;
      // Who leaves meanwhile waits so long and no longer to say how far it came.
      if (atMs - open.fromMs > STOP_MS_MAX) this.firstFault = Math.min(this.firstFault, this.#stoppedAt.get(node) ?? index);
    }
    if (state === 'stopping') this.#stoppedAt.set(node, index);
  }
}

export function collectFacts(events: readonly HistoryEvent[]): Facts {
  const fold = new FactsFold();
  for (let i = 0; i < events.length; i++) fold.see(events[i] as HistoryEvent, i);
  return Object.assign(fold, { events });
}

/** Whether a group's filter lets a message pass. */
export function passes(group: EventOf<'group'> | undefined, topic: string, tag: string | undefined): boolean {
  if (group === undefined || !(topic in group.filters)) return false;
  const tags = group.filters[topic];
  return tags === undefined || (tag !== undefined && tags.includes(tag));
}

/**
 * Whether what a queue held may be gone though everything works: the power of a broker with asynchronous flush was cut, or the
 * broker's disk was damaged.
 */
export const mayHaveLost = (facts: Facts, queue: QueueKey): boolean =>
  facts.cutBrokers.has(brokerOf(queue)) || facts.struck.has(`rot ${brokerOf(queue)}`);

/** Whether a broker lost something, as above. */
export const anyMayHaveLost = (facts: Facts): boolean =>
  facts.cutBrokers.size > 0 || [...facts.struck].some((name) => name.startsWith('rot '));
