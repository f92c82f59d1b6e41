import { LIMITS } from '@qanat/core';
import type { ConnectionSeen, View } from '../../history/view.ts';
import { hexOf } from '../../json.ts';
import { BrokerLine, type Cause, isKnown, isUnclear, type Phase, type Stay } from './broker-line.ts';
import { isGroup } from './groups.ts';
import { type BrokerOperation, operationsOf, registrationOf, type Window } from './operations.ts';
import { type NameServerSettings, settingsOf } from './settings.ts';

/** A life of the subject ends or begins. */
interface Reset {
  readonly phase: 'unclear' | 'unknown';
  readonly window: Window;
}

/** When a broker was heard last, and where. */
interface Heard {
  readonly window: Window;
  readonly connection: ConnectionSeen;
  readonly expiryMs: number;
  /** Other connections on which something of it came that counts for nothing. */
  readonly others: Set<ConnectionSeen>;
}

const ENDINGS = new Set(['kill', 'stop', 'powerloss']);

/**
 * The route table of a NameServer as chapter 08 has it: what it can have of each broker that the kit registered, at each place of
 * the history. Where the specification leaves time or order open, several things are possible, and all of them are right.
 */
export class RouteModel {
  readonly settings: NameServerSettings;
  readonly lines = new Map<string, BrokerLine>();
  /** False where the subject stood still: all times move then (QNT-KAL-007). */
  readonly usable: boolean;
  readonly #view: View;
  readonly #resets: readonly Reset[];
  /** Of the broker that is looked at. */
  #heard: Heard | undefined;
  #awaySince: { readonly fromMs: number; readonly toMs: number } | undefined;

  constructor(view: View) {
    this.#view = view;
    this.settings = settingsOf(view);
    this.usable = !view.of('subject').some(({ what }) => what === 'paused');
    this.#resets = this.#findResets();
    const byBroker = new Map<string, BrokerOperation[]>();
    for (const operation of this.usable ? operationsOf(view) : [])
      byBroker.set(operation.broker, [...(byBroker.get(operation.broker) ?? []), operation]);
    for (const [name, operations] of byBroker) this.lines.set(name, this.#line(name, operations));
  }

  /** The first place at or behind an instant. */
  placeAt(ms: number): number {
    return firstPlace(this.#view, (atMs) => atMs >= ms);
  }

  /** Nothing before it came earlier, nothing behind it came later. */
  #windowOf(fromMs: number, toMs: number): Window {
    return { from: this.placeAt(fromMs), to: firstPlace(this.#view, (atMs) => atMs > toMs) - 1, fromMs, toMs };
  }

  #findResets(): readonly Reset[] {
    const resets: Reset[] = [];
    const at = (index: number, phase: Reset['phase'], since = index): void => {
      const fromMs = this.#view.events[since]?.atMs ?? 0;
      resets.push({ phase, window: { from: since, to: index, fromMs, toMs: this.#view.events[index]?.atMs ?? 0 } });
    };
    this.#view.events.forEach((event, index) => {
      if (event.kind === 'call' && ENDINGS.has(event.op)) at(index, 'unclear');
      if (event.kind !== 'subject') return;
      if (event.what === 'started') at(index, 'unknown');
      else if (event.what !== 'resumed') at(index, 'unclear');
    });
    return resets;
  }

  #line(name: string, operations: readonly BrokerOperation[]): BrokerLine {
    const line = new BrokerLine(name);
    const begin = { from: -1, to: -1, fromMs: Number.NEGATIVE_INFINITY, toMs: Number.NEGATIVE_INFINITY };
    if (isGroup(this.#view, name)) {
      line.stays.push({ phase: 'unclear', cause: 'unclear', window: begin, certain: true });
      return line;
    }
    line.stays.push({ phase: 'unknown', cause: 'start', window: begin, certain: true });
    this.#heard = undefined;
    this.#awaySince = undefined;
    const turns = [...this.#resets, ...operations].sort((a, b) => a.window.from - b.window.from);
    turns.forEach((turn, i) => {
      if ('phase' in turn) return this.#reset(line, turn);
      const meets = operations.some((other) => other !== turn && overlap(other.window, turn.window));
      this.#operation(line, turn, meets || overlapsReset(turn, turns[i + 1]));
    });
    this.#pass(line, Number.POSITIVE_INFINITY);
    return line;
  }

  #reset(line: BrokerLine, { phase, window }: Reset): void {
    this.#pass(line, window.fromMs);
    this.#enter(line, phase, phase === 'unknown' ? 'start' : 'unclear', window);
    this.#heard = undefined;
    this.#awaySince = undefined;
  }

  /** Enters what time alone brings about until an instant. */
  #pass(line: BrokerLine, untilMs: number): void {
    for (;;) {
      const due = this.#due(line.last);
      if (due === undefined || due.fromMs > untilMs || due.fromMs > this.#view.endMs) return;
      const { phase, cause } = due;
      const { registration } = line.last;
      const window = this.#windowOf(due.fromMs, due.toMs);
      if (phase === 'away') this.#awaySince = { fromMs: due.fromMs, toMs: due.toMs };
      line.stays.push({ phase, cause, window, certain: true, ...(phase === 'away' && registration ? { registration } : {}) });
    }
  }

  #due({ phase }: Stay): { phase: Phase; cause: Cause; fromMs: number; toMs: number } | undefined {
    const { slackMs } = this.#view;
    const { awayMs, lostMs } = this.settings;
    if (phase === 'away' && this.#awaySince !== undefined) {
      const { fromMs, toMs } = this.#awaySince;
      return { phase: 'unknown', cause: 'forgotten', fromMs: fromMs + awayMs, toMs: toMs + awayMs + slackMs };
    }
    const heard = this.#heard;
    if (phase !== 'live' || heard === undefined) return undefined;
    const { window, expiryMs, connection, others } = heard;
    const lost = this.#lossOf(connection);
    const losses = [lost, ...[...others].map((other) => this.#lossOf(other))];
    const silentFromMs = window.fromMs + expiryMs;
    const silentToMs = window.toMs + expiryMs;
    const fromMs = Math.min(silentFromMs, ...losses.map((loss) => Math.max(loss.fromMs, window.fromMs) + lostMs));
    const toMs = others.size > 0 ? silentToMs : Math.min(silentToMs, Math.max(lost.toMs, window.toMs) + lostMs);
    return { phase: 'away', cause: toMs < silentToMs ? 'lost' : 'silence', fromMs, toMs: toMs + slackMs };
  }

  /** When the subject can have found out that a connection is gone; never is infinite. */
  #lossOf({ closed, goAways, closedIndex }: ConnectionSeen): { fromMs: number; toMs: number } {
    if (closed === undefined) return { fromMs: Number.POSITIVE_INFINITY, toMs: Number.POSITIVE_INFINITY };
    const said = goAways.find(({ from }) => from === 'subject')?.atMs ?? closed.atMs;
    return { fromMs: Math.min(this.#stepBefore(closedIndex), said - this.#view.slackMs), toMs: closed.atMs };
  }

  /** The kit ends a connection at the begin of a step, and sees the end of it later. */
  #stepBefore(index: number): number {
    for (let i = index; i >= 0; i--) {
      const event = this.#view.events[i];
      if (event?.kind === 'step') return event.atMs;
    }
    return Number.POSITIVE_INFINITY;
  }

  #operation(line: BrokerLine, operation: BrokerOperation, doubtful: boolean): void {
    const { window, end, kind, exchange } = operation;
    this.#pass(line, window.toMs);
    const before = line.possible(window.from, window.to);
    if (!doubtful && !isUnclear(before)) line.before.set(operation, before);
    if (doubtful || end === 'open') return this.#lose(line, window);
    if (end === 'refused') return this.#ineffective(line, operation);
    switch (kind) {
      case 'register':
        line.registered.push(operation);
        this.#enter(line, 'live', 'register', window, registrationOf(exchange));
        this.#hear(operation, exchange.answer.expiryMs);
        return;
      case 'heartbeat':
        return this.#beat(line, operation, before);
      default:
        return this.#unregister(line, operation, before);
    }
  }

  #ineffective(line: BrokerLine, operation: BrokerOperation): void {
    line.ineffective.push(operation);
    const { connection } = operation.exchange;
    if (this.#heard !== undefined && connection !== this.#heard.connection) this.#heard.others.add(connection);
  }

  #beat(line: BrokerLine, operation: BrokerOperation, before: readonly Stay[]): void {
    const known = before.filter(isKnown).at(-1);
    if (known?.registration === undefined || isUnclear(before)) return this.#lose(line, operation.window);
    this.#enter(line, 'live', 'heartbeat', operation.window, known.registration);
    this.#hear(operation, this.#heard?.expiryMs ?? LIMITS.BROKER_EXPIRY_MS);
  }

  #unregister(line: BrokerLine, operation: BrokerOperation, before: readonly Stay[]): void {
    const { window, exchange } = operation;
    if (isUnclear(before)) return this.#lose(line, window);
    const storeId = hexOf(exchange.header.storeId);
    const known = before.filter(isKnown);
    if (known.every(({ registration }) => registration?.storeId !== storeId)) return this.#ineffective(line, operation);
    if (known.length < before.length) return this.#lose(line, window);
    if (known.every(({ phase }) => phase === 'away')) return;
    const away = known.some(({ phase }) => phase === 'away') ? this.#awaySince : undefined;
    this.#enter(line, 'away', 'unregister', window, known.at(-1)?.registration);
    this.#awaySince = { fromMs: away?.fromMs ?? window.fromMs, toMs: window.toMs };
  }

  #hear({ window, exchange }: BrokerOperation, expiryMs: number): void {
    this.#heard = { window, connection: exchange.connection, expiryMs, others: new Set() };
  }

  /** From here on the kit cannot know, until a registration. */
  #lose(line: BrokerLine, window: Window): void {
    this.#heard = undefined;
    this.#enter(line, 'unclear', 'unclear', window);
  }

  #enter(line: BrokerLine, phase: Phase, cause: Cause, window: Window, registration?: Stay['registration']): void {
    // What time may have brought about before, or not any more.
    line.stays.forEach((stay, i) => {
      if (stay.window.to < window.from) return;
      line.stays[i] = { ...stay, certain: false, window: { ...stay.window, to: window.to, toMs: window.toMs } };
    });
    line.stays.push({ phase, cause, window, certain: true, ...(registration === undefined ? {} : { registration }) });
  }
}

/** By halves: time never goes back in a history. */
function firstPlace({ events }: View, reached: (atMs: number) => boolean): number {
  let low = 0;
  let high = events.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if (reached(events[middle]?.atMs ?? 0)) high = middle;
    else low = middle + 1;
  }
  return low;
}

const overlap = (a: Window, b: Window): boolean => a.from < b.to && b.from < a.to;

const overlapsReset = (operation: BrokerOperation, next: Reset | BrokerOperation | undefined): boolean =>
  next !== undefined && 'phase' in next && next.window.from < operation.window.to;

const MODELS = new WeakMap<View, RouteModel>();

/** The model of a history; made once, for all clauses that look at it. */
export function modelOf(view: View): RouteModel {
  const made = MODELS.get(view) ?? new RouteModel(view);
  MODELS.set(view, made);
  return made;
}
