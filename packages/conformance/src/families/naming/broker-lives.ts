import type { ConnectionSeen, Exchange, View } from '../../history/view.ts';
import { isObject } from '../../json.ts';
import { numberOf } from '../../play/program.ts';

interface Span {
  readonly fromMs: number;
  readonly toMs: number;
}

const ENDINGS = new Set(['kill', 'stop', 'powerloss', 'pause']);
const DOWN = new Set(['killed', 'stopping', 'stopped', 'paused', 'ended']);

/** A broker under test and the NameServers of the kit: who was there when. */
export class BrokerLives {
  /** The names of the NameServers: those that the program told, and those at which the broker has called. */
  readonly nameServers: readonly string[];
  /** Connections of the broker to them. */
  readonly links: readonly ConnectionSeen[];
  readonly reportMs: number | undefined;
  readonly #view: View;
  readonly #down: readonly Span[];
  readonly #nodesDown: ReadonlyMap<string, readonly Span[]>;

  constructor(view: View) {
    this.#view = view;
    this.links = view.connections.filter(({ openedBy, node }) => openedBy === 'subject' && node.startsWith('ns-'));
    const told = view.notes('nameServers').flatMap(({ args }) => (Array.isArray(args) ? args.map(String) : []));
    this.nameServers = [...new Set([...told, ...this.links.map(({ node }) => node)])];
    this.#down = [...subjectDown(view), ...endedByItself(view, this.links)];
    this.#nodesDown = new Map(this.nameServers.map((node) => [node, nodeDown(view, node)]));
    const setup = view.notes('setup')[0]?.args;
    const broker = isObject(setup) && isObject(setup.broker) ? setup.broker : {};
    this.reportMs = isObject(broker.times) ? numberOf(broker.times, 'reportMs', 0) || undefined : undefined;
  }

  /** The broker ran, and was not told to end. */
  runs(fromMs: number, toMs = fromMs): boolean {
    return this.#view.endMs >= toMs && !meets(this.#down, fromMs, toMs);
  }

  /** The NameServer answered. */
  answers(node: string, fromMs: number, toMs = fromMs): boolean {
    return !meets(this.#nodesDown.get(node) ?? [], fromMs, toMs);
  }

  /** The NameServer was not there at any time. */
  isDown(node: string, fromMs: number, toMs: number): boolean {
    return (this.#nodesDown.get(node) ?? []).some((span) => span.fromMs <= fromMs && span.toMs >= toMs);
  }

  /** The broker ran, the NameServer answered and the connection was there. */
  joined(link: ConnectionSeen, fromMs: number, toMs: number): boolean {
    const { closed, openedAtMs, node, goAways } = link;
    const there =
      openedAtMs <= fromMs && (closed === undefined || closed.atMs > toMs) && goAways.every(({ atMs }) => atMs > toMs);
    return there && this.runs(fromMs, toMs) && this.answers(node, fromMs, toMs);
  }

  /** When the present life of the broker began, as far as it is known. */
  startedMs(atMs: number): number {
    return Math.max(0, ...this.#down.filter(({ toMs }) => toMs <= atMs).map(({ toMs }) => toMs));
  }

  /** Instants from which on a connection has to be made again. */
  gapsOf(node: string): readonly number[] {
    const begin = this.#view.of('step')[0]?.atMs ?? 0;
    const ends = [...this.#down, ...(this.#nodesDown.get(node) ?? [])].map(({ toMs }) => toMs);
    const closes = this.links.flatMap((link) => (link.node === node && link.closed ? [link.closed.atMs] : []));
    return [begin, ...ends, ...closes].filter((atMs) => Number.isFinite(atMs)).sort((a, b) => a - b);
  }
}

const meets = (spans: readonly Span[], fromMs: number, toMs: number): boolean =>
  spans.some((span) => span.fromMs <= toMs && span.toMs >= fromMs);

/** From the order to end to the start that follows. */
function subjectDown(view: View): readonly Span[] {
  const spans: Span[] = [];
  let fromMs: number | undefined;
  for (const event of view.events) {
    const ends = event.kind === 'call' ? ENDINGS.has(event.op) : event.kind === 'subject' && DOWN.has(event.what);
    if (ends) fromMs ??= event.atMs;
    if (event.kind !== 'subject' || (event.what !== 'started' && event.what !== 'resumed') || fromMs === undefined) continue;
    spans.push({ fromMs, toMs: event.atMs });
    fromMs = undefined;
  }
  return fromMs === undefined ? spans : [...spans, { fromMs, toMs: Number.POSITIVE_INFINITY }];
}

/**
 * A broker may stop at its start when its name is in use (QNT-REG-011): from then on, until it is started again, nobody knows
 * whether it is there.
 */
function endedByItself(view: View, links: readonly ConnectionSeen[]): readonly Span[] {
  const starts = [
    Number.NEGATIVE_INFINITY,
    ...view.of('subject').flatMap(({ what, atMs }) => (what === 'started' ? [atMs] : [])),
  ];
  const answers = links
    .flatMap(registrationsOn)
    .flatMap(({ response, code }) => (response === undefined ? [] : [{ atMs: response.atMs, code }]))
    .sort((a, b) => a.atMs - b.atMs);
  return starts.flatMap((startMs, i) => {
    const endMs = starts[i + 1] ?? Number.POSITIVE_INFINITY;
    const first = answers.filter(({ atMs }) => atMs >= startMs && atMs < endMs);
    const accepted = first.findIndex(({ code }) => code === undefined);
    const refused = first.find(({ code }, at) => isTaken(code) && (accepted < 0 || at < accepted));
    return refused === undefined ? [] : [{ fromMs: refused.atMs, toMs: endMs }];
  });
}

const isTaken = (code: string | undefined): boolean => code === 'NAME_IN_USE' || code === 'TERM_FENCED';

/** A NameServer of the kit is dead, or hangs, or both: it hangs on when it is started again. */
function nodeDown(view: View, node: string): readonly Span[] {
  const spans: Span[] = [];
  let fromMs: number | undefined;
  let dead = false;
  let hangs = false;
  for (const { node: of, what, atMs } of view.of('node')) {
    if (of !== node) continue;
    if (what === 'paused' || what === 'resumed') hangs = what === 'paused';
    else dead = what !== 'started';
    if (dead || hangs) fromMs ??= atMs;
    else if (fromMs !== undefined) {
      spans.push({ fromMs, toMs: atMs });
      fromMs = undefined;
    }
  }
  return fromMs === undefined ? spans : [...spans, { fromMs, toMs: Number.POSITIVE_INFINITY }];
}

const LIVES = new WeakMap<View, BrokerLives>();

export function livesOf(view: View): BrokerLives {
  const made = LIVES.get(view) ?? new BrokerLives(view);
  LIVES.set(view, made);
  return made;
}

/** Registrations on one connection of the broker, in order. */
export const registrationsOn = (link: ConnectionSeen): readonly Exchange[] =>
  link.exchanges.filter(({ name, request, header }) => name === 'REGISTER_BROKER' && request.from === 'subject' && header);

/** When the last frame of a request was sent. */
export const sentMs = ({ request, requests }: Exchange): number => (requests.at(-1) ?? request).atMs;

/** The last registration that was answered before a place. */
export const answeredBefore = (link: ConnectionSeen, index: number): Exchange | undefined =>
  registrationsOn(link).findLast(({ response }) => response !== undefined && response.index < index);

/** A registration is on its way at a place. */
export const isRegistering = (link: ConnectionSeen, index: number): boolean =>
  registrationsOn(link).some(
    ({ request, response }) => request.index < index && (response === undefined || response.index > index),
  );
