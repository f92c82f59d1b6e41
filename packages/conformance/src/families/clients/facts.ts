import type { CallError, EventOf, HistoryEvent } from '../../history/event.ts';
import { once as onceOfView } from '../../history/once.ts';
import type { ConnectionSeen, Exchange, FrameSeen, View } from '../../history/view.ts';
import { isObject, type JsonObject } from '../../json.ts';
import { numberOf, textOf } from '../../play/program.ts';

/** A place in a history. */
export interface Place {
  readonly index: number;
  readonly ms: number;
}

/** One producer or consumer of the subject, from its start on. */
export interface ClientRun {
  readonly name: string;
  readonly role: 'producer' | 'consumer';
  readonly args: JsonObject;
  readonly start: Place;
  /** When the driver had answered the start; undefined while it has not, or where it failed. */
  ready: Place | undefined;
  /** Why the driver did not start it. */
  refusal: CallError | undefined;
  /** When it was asked to close, or killed; else the end of the program. */
  closing: Place;
  /** When it was gone: killed, or its close was answered. */
  gone: Place;
  killed: boolean;
  /** It told that it ended. */
  ended: (Place & { readonly args: JsonObject }) | undefined;
}

/** A server of the kit that does not serve for a while. */
interface Outage {
  readonly node: string;
  readonly from: Place;
  to: Place;
}

/** How a connection ended, as far as the program goes. */
export interface ConnectionEnd extends Place {
  /** `open`: it was not closed before the program was over. */
  readonly by: 'kit' | 'subject' | 'open';
}

/** What happened around the frames of a history with clients. */
export interface Facts {
  readonly view: View;
  /** From here on the kit takes everything down. */
  readonly end: Place;
  readonly clients: readonly ClientRun[];
  readonly outages: readonly Outage[];
  /** Connections of the subject to servers of the kit that were opened before the end. */
  readonly connections: readonly ConnectionSeen[];
  readonly meddled: readonly (EventOf<'meddled'> & { readonly index: number })[];
  /** The names of the kit's NameServers. */
  readonly nameServers: readonly string[];
}

const cache = new WeakMap<View, Facts>();

export function factsOf(view: View): Facts {
  const known = cache.get(view);
  if (known !== undefined) return known;
  const facts = gather(view);
  cache.set(view, facts);
  return facts;
}

/** Remembers what a function found out about the clients of a history. */
export function once<T>(find: (facts: Facts) => T): (view: View) => T {
  return onceOfView((view) => find(factsOf(view)));
}

function gather(view: View): Facts {
  const end = endOf(view.events);
  const before = view.events.slice(0, end.index);
  const opened = new Set(before.flatMap((event) => (event.kind === 'opened' ? [event.connection] : [])));
  return {
    view,
    end,
    clients: clientsOf(before, end),
    outages: outagesOf(before, end),
    connections: view.connections.filter(({ number, openedBy }) => openedBy === 'subject' && opened.has(number)),
    meddled: view.of('meddled'),
    nameServers: nameServersOf(view),
  };
}

const nameServersOf = (view: View): readonly string[] => {
  const setup = view.notes('setup')[0]?.args;
  const count = isObject(setup) ? numberOf(setup, 'nameServers', 2) : 2;
  return Array.from({ length: count }, (_, i) => `ns-${i + 1}`);
};

/** The kit notes when it takes its servers down. */
function endOf(events: readonly HistoryEvent[]): Place {
  const index = events.findIndex((event) => event.kind === 'node' && event.what === 'ended');
  const at = index < 0 ? events.length : index;
  return { index: at, ms: (events[at] ?? events.at(-1))?.atMs ?? 0 };
}

function clientsOf(events: readonly HistoryEvent[], end: Place): readonly ClientRun[] {
  const runs: ClientRun[] = [];
  const calls = new Map<number, { readonly run: ClientRun; readonly op: string }>();
  const latest = (name: string): ClientRun | undefined => runs.findLast((run) => run.name === name);
  events.forEach((event, index) => {
    const place = { index, ms: event.atMs };
    if (event.kind === 'call') {
      const run = onCall(event, place, end, latest);
      if (run === undefined) return;
      if (event.op.endsWith('.start')) runs.push(run);
      calls.set(event.id, { run, op: event.op });
    } else if (event.kind === 'result') {
      const call = calls.get(event.id);
      if (call !== undefined) onResult(call.run, call.op, place, event.error);
    } else if (event.kind === 'told' && event.event === 'ended') {
      const run = latest(event.client);
      if (run !== undefined && run.gone.index > index) run.ended ??= { ...place, args: isObject(event.args) ? event.args : {} };
    }
  });
  return runs;
}

function onCall(
  { op, args }: EventOf<'call'>,
  place: Place,
  end: Place,
  latest: (name: string) => ClientRun | undefined,
): ClientRun | undefined {
  const given = isObject(args) ? args : {};
  if (op === 'producer.start' || op === 'consumer.start') {
    const role = op === 'producer.start' ? 'producer' : 'consumer';
    const name = textOf(given, 'client', role === 'producer' ? 'p' : 'c');
    const state = { ready: undefined, refusal: undefined, ended: undefined, killed: false };
    return { name, role, args: given, start: place, closing: end, gone: end, ...state };
  }
  if (op !== 'close' && op !== 'abandon') return undefined;
  const run = latest(textOf(given, 'client'));
  if (run === undefined) return undefined;
  if (run.closing.index > place.index) run.closing = place;
  if (op === 'abandon') {
    run.gone = place;
    run.killed = true;
  }
  return run;
}

function onResult(run: ClientRun, op: string, place: Place, error: CallError | undefined): void {
  if (op.endsWith('.start')) {
    if (error === undefined) run.ready = place;
    else run.refusal = error;
  } else if (op === 'close' && run.gone.index > place.index) run.gone = place;
}

/** A server that hangs goes on when it is resumed, one that is gone when it is started. */
function outagesOf(events: readonly HistoryEvent[], end: Place): readonly Outage[] {
  const outages: Outage[] = [];
  const open = new Map<string, Outage>();
  events.forEach((event, index) => {
    if (event.kind !== 'node') return;
    const place = { index, ms: event.atMs };
    const hangs = event.what === 'paused' || event.what === 'resumed';
    const name = `${event.node} ${hangs ? 'hangs' : 'gone'}`;
    const known = open.get(name);
    if (event.what === 'resumed' || event.what === 'started') {
      if (known !== undefined) known.to = place;
      open.delete(name);
    } else if (known === undefined) {
      const outage = { node: event.node, from: place, to: end };
      open.set(name, outage);
      outages.push(outage);
    }
  });
  return outages;
}

/** Whether a server of the kit served all the time between two moments. */
export const served = ({ outages }: Facts, node: string, fromMs: number, toMs: number): boolean =>
  !outages.some((outage) => outage.node === node && outage.from.ms <= toMs && outage.to.ms >= fromMs);

export function endOfConnection({ end }: Facts, connection: ConnectionSeen): ConnectionEnd {
  const { closed, closedIndex } = connection;
  if (closed === undefined || closedIndex >= end.index) return { ...end, by: 'open' };
  return { index: closedIndex, ms: closed.atMs, by: closed.by };
}

export const isNameServer = (node: string): boolean => node.startsWith('ns-');
export const isBroker = (node: string): boolean => node.startsWith('broker-');

/** Whether a client runs, and was not told to stop, at a place. */
export const runsAt = (run: ClientRun, index: number): boolean =>
  run.refusal === undefined && run.start.index <= index && run.closing.index > index && (run.ended?.index ?? index + 1) > index;

/** Clients that are there at a place, those that are closing included. */
export const thereAt = ({ clients }: Facts, index: number): readonly ClientRun[] =>
  clients.filter((run) => run.refusal === undefined && run.start.index <= index && run.gone.index > index);

/** What the names of a connection say of its client. */
function labelsOf({ hello, exchanges }: ConnectionSeen): readonly string[] {
  const beat = exchanges.find(({ name }) => name === 'CLIENT_HEARTBEAT');
  return [hello?.header?.label, beat?.header?.label].filter((label) => typeof label === 'string' && label !== '');
}

/** The client that opened a connection, where that can be told: the only one there is, or the one whose label it bears. */
export function clientOf(facts: Facts, connection: ConnectionSeen): ClientRun | undefined {
  const index = connection.frames[0]?.index ?? 0;
  const there = facts.clients.filter(({ refusal, start, gone }) => {
    const lately = facts.view.slackMs + gone.ms >= connection.openedAtMs;
    return refusal === undefined && start.index <= index && lately;
  });
  if (there.length === 1) return there[0];
  const labels = labelsOf(connection);
  const named = there.filter(({ name, args }) =>
    labels.some((label) => label === textOf(args, 'label', name) || label.startsWith(`${name}@`)),
  );
  // One of the name that was just closed has not opened what comes now.
  const present = named.filter(({ gone }) => gone.index > index);
  const candidates = present.length > 0 ? present : named;
  return candidates.length === 1 ? candidates[0] : undefined;
}

/** Requests of the subject on a connection. */
export const asked = ({ exchanges }: ConnectionSeen): readonly Exchange[] =>
  exchanges.filter(({ request }) => request.from === 'subject');

export const framesOf = ({ frames }: ConnectionSeen, from: 'kit' | 'subject'): readonly FrameSeen[] =>
  frames.filter((frame) => frame.from === from);

/** The first place behind a frame at which the subject has surely taken it in, and what it sends then is an answer to it. */
export const takenMs = ({ view }: Facts, { atMs }: { readonly atMs: number }): number => atMs + view.slackMs;
