import { codeNumber } from '@qanat/core';
import type { Exchange, FrameSeen } from '../../history/view.ts';
import { assignmentsOf, type Told } from '../clients/assignments.ts';
import { asked, type ClientRun, clientOf, type Facts, isBroker, once, type Place } from '../clients/facts.ts';
import { pulled } from '../clients/joined-clauses.ts';
import { keyOf } from './deliveries.ts';

/** One lease of a member, as it was told of it. */
export interface Span {
  readonly node: string;
  readonly member: string;
  readonly run: ClientRun | undefined;
  readonly key: string;
  readonly topic: string;
  readonly queue: number;
  readonly epoch: number;
  readonly startOffset: number;
  readonly told: Told;
  /** When it was told to give the queue back. */
  releasing: FrameSeen | undefined;
  /** When the lease was gone: no longer named, fenced, or given back. */
  gone: (Place & { readonly frame: FrameSeen }) | undefined;
}

/** Whose ids are whose: by the connections on which members say that they are alive. */
export const runOfMember = once((facts: Facts): ReadonlyMap<string, ClientRun> => {
  const runs = new Map<string, ClientRun>();
  for (const connection of facts.connections)
    for (const { name, header } of asked(connection)) {
      const run = name === 'CLIENT_HEARTBEAT' ? clientOf(facts, connection) : undefined;
      if (run !== undefined && header !== undefined && !runs.has(header.member)) runs.set(header.member, run);
    }
  return runs;
});

/** Requests of members to brokers, in order. */
export const memberRequests = once((facts: Facts): readonly Exchange[] =>
  facts.connections
    .filter(({ node }) => isBroker(node))
    .flatMap(asked)
    .filter(({ request, header }) => request.index < facts.end.index && header !== undefined)
    .toSorted((a, b) => a.request.index - b.request.index),
);

const LEASE_FENCED = codeNumber('LEASE_FENCED');

interface Loss {
  readonly frame: FrameSeen;
  readonly node: string;
  readonly member: string;
  readonly topic: string;
  readonly queue: number;
  /** Undefined: whatever it is. */
  readonly epoch: number | undefined;
}

/** What takes leases from a member, but for assignments: fencing answers, and what it gives back itself. */
export const lossesOf = once((facts: Facts): readonly Loss[] =>
  memberRequests(facts.view).flatMap((exchange): Loss[] => {
    const { name, header, answer, response, request, connection } = exchange;
    const common = { node: connection.node, member: header.member as string };
    const loss = (frame: FrameSeen, topic: string, queue: number, epoch: number | undefined): Loss => ({
      ...common,
      frame,
      topic,
      queue,
      epoch,
    });
    const asked_: readonly { topic: string; queue: number; epoch: number }[] =
      name === 'PULL'
        ? pulled(header)
        : (header.offsets ?? []).map((one: { topic: string; queue: number; leaseEpoch: number }) => ({
            ...one,
            epoch: one.leaseEpoch,
          }));
    const fenced = (answer?.results ?? [])
      .filter(({ code }: { code: number }) => code === LEASE_FENCED)
      .map(({ topic, queue }: { topic: string; queue: number }) =>
        loss(response as FrameSeen, topic, queue, asked_.find((one) => one.topic === topic && one.queue === queue)?.epoch),
      );
    const given =
      name === 'RELEASE' || name === 'LEAVE' ? asked_.map(({ topic, queue, epoch }) => loss(request, topic, queue, epoch)) : [];
    return [...fenced, ...given];
  }),
);

/** All leases that members were told of, in order. */
export const spansOf = once((facts: Facts): readonly Span[] => {
  const spans: Span[] = [];
  const open = new Map<string, Span>();
  const generations = new Map<string, { term: number; generation: number }>();
  const runs = runOfMember(facts.view);
  const end = (name: string, frame: FrameSeen): void => {
    const span = open.get(name);
    if (span === undefined) return;
    span.gone = { index: frame.index, ms: frame.atMs, frame };
    open.delete(name);
  };
  const take = (told: Told): void => {
    const who = `${told.node} ${told.member}`;
    const last = generations.get(who);
    if (last !== undefined && last.term === told.term && told.generation < last.generation) return;
    generations.set(who, { term: told.term, generation: told.generation });
    const named = new Set(told.leases.map(({ topic, queue, epoch }) => `${who} ${topic}/${queue} ${epoch}`));
    for (const name of [...open.keys()]) if (name.startsWith(`${who} `) && !named.has(name)) end(name, told.last);
    for (const lease of told.leases) {
      const name = `${who} ${lease.topic}/${lease.queue} ${lease.epoch}`;
      const span = open.get(name) ?? newSpan(told, lease, runs.get(told.member));
      if (!open.has(name)) spans.push(span);
      open.set(name, span);
      if (lease.releasing) span.releasing ??= told.last;
    }
  };
  const happenings = [
    ...assignmentsOf(facts.view).map((told) => ({ index: told.last.index, run: () => take(told) })),
    ...lossesOf(facts.view).map(({ frame, node, member, topic, queue, epoch }) => ({
      index: frame.index,
      run: () => end(`${node} ${member} ${topic}/${queue} ${epoch}`, frame),
    })),
  ].toSorted((a, b) => a.index - b.index);
  for (const { run } of happenings) run();
  return spans;
});

const newSpan = (told: Told, { topic, queue, epoch, startOffset }: Told['leases'][number], run: ClientRun | undefined): Span => ({
  node: told.node,
  member: told.member,
  run,
  key: keyOf(topic, told.node, queue),
  topic,
  queue,
  epoch,
  startOffset,
  told,
  releasing: undefined,
  gone: undefined,
});

/** Leases of a client for a queue. */
export const spansFor = (facts: Facts, run: ClientRun, key: string): readonly Span[] =>
  spansOf(facts.view).filter((span) => span.run === run && span.key === key);
