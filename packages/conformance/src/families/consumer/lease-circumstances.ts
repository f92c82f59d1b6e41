import type { FrameSeen } from '../../history/view.ts';
import { type ClientRun, endOfConnection, type Facts } from '../clients/facts.ts';
import { type Span, spansFor, spansOf } from './leases.ts';
import { pullsOf } from './pulls.ts';

export const SOON_MS = 1_500;

/** PULL requests under a lease, behind a place. */
export const pullsUnder = (
  facts: Facts,
  { node, member, topic, queue, epoch }: Pick<Span, 'node' | 'member' | 'topic' | 'queue' | 'epoch'>,
  sinceMs: number,
  untilIndex: number,
) =>
  pullsOf(facts.view).find(
    ({ request, exchange, node: at, items }) =>
      at === node &&
      exchange.header.member === member &&
      request.atMs > sinceMs &&
      request.index < untilIndex &&
      items.some((item) => item.topic === topic && item.queue === queue && item.epoch === epoch),
  );

/** The next place at which a member is told of a lease again. */
export const toldAgain = (facts: Facts, span: Span): number =>
  spansOf(facts.view).find(
    (other) =>
      other.member === span.member &&
      other.key === span.key &&
      other.epoch === span.epoch &&
      other.told.last.index > (span.gone?.index ?? 0),
  )?.told.last.index ?? facts.end.index;

/** Whether the connection lived on long enough for a frame to be taken in. */
export const arrived = (facts: Facts, { connection, atMs }: FrameSeen): boolean =>
  endOfConnection(facts, connection).ms > atMs + facts.view.slackMs;

export const nextTold = (facts: Facts, span: Span): number =>
  spansFor(facts, span.run as ClientRun, span.key).find(({ told }) => told.last.index > span.told.last.index)?.told.last.index ??
  facts.end.index;
