import type { Clause } from '../../clause/clause.ts';
import type { FrameSeen } from '../../history/view.ts';
import { isObject } from '../../json.ts';
import { numberOf } from '../../play/program.ts';
import { endOfConnection, type Facts, factsOf, runsAt } from '../clients/facts.ts';
import { policiesOf } from './deliveries.ts';
import { pullsOf } from './pulls.ts';

/** One attempt of a request, and how much longer a client may take for its own. */
const ATTEMPT_MS = 3_000;
/** More than a consumer can mean to hold ahead. */
const HELD_BYTES_MAX = 32_000_000;
const HELD_MESSAGES_MAX = 4_000;
/** Enough to show that it held back. */
const PUBLISHED_BYTES_MIN = 20_000_000;

const boundsWhatItHolds: Clause = {
  id: 'QNT-PUL-034',
  roles: ['consumer'],
  needs: ['policy'],
  check(view, judge) {
    const facts = factsOf(view);
    for (const run of facts.clients) {
      if (!policiesOf(facts, run, 0, facts.end.index).some(({ hang }) => hang === true)) continue;
      let bytes = 0;
      let messages = 0;
      let last: FrameSeen | undefined;
      for (const { answer, items, run: by } of pullsOf(view)) {
        if (by !== run || answer === undefined) continue;
        bytes += answer.payload.length;
        for (const { result } of items) messages += (result?.batches ?? []).reduce((all, { count }) => all + count, 0);
        last = answer;
      }
      const published = publishedBytes(facts);
      if (last === undefined || published < PUBLISHED_BYTES_MIN) continue;
      if (bytes > HELD_BYTES_MAX && messages > HELD_MESSAGES_MAX)
        judge.fail(
          last,
          `expected a bound to what is pulled and not handed out, got ${messages} messages of ${bytes} bytes while the handlers hang`,
        );
      else if (bytes < published) judge.pass(last);
    }
  },
};

const publishedBytes = ({ view }: Facts): number =>
  view.notes('bulk').reduce((all, { args }) => all + (isObject(args) ? numberOf(args, 'bytes', 0) : 0), 0);

const onePullABroker: Clause = {
  id: 'QNT-PUL-035',
  roles: ['consumer'],
  check(view, judge) {
    const facts = factsOf(view);
    for (const pull of pullsOf(view)) {
      const { request, exchange, run } = pull;
      const waiting = pullsOf(view).filter(
        (other) =>
          other.run === run &&
          run !== undefined &&
          other.request.connection === request.connection &&
          other.exchange.header.group === exchange.header.group &&
          other.request.index < request.index &&
          (other.exchange.response?.index ?? Number.POSITIVE_INFINITY) > request.index &&
          other.request.atMs < request.atMs - facts.view.slackMs,
      );
      const stranger = waiting.find((other) => other.exchange.header.poll !== exchange.header.poll);
      if (stranger !== undefined)
        judge.fail(
          request,
          `expected one PULL under way at ${pull.node}, got one with poll ${exchange.header.poll} beside that with ${stranger.exchange.header.poll}`,
        );
      else if (waiting.length === 1) judge.pass(request);
    }
  },
};

const lostPulls: Clause = {
  id: 'QNT-PUL-036',
  roles: ['consumer'],
  check(view, judge) {
    const facts = factsOf(view);
    for (const { request, exchange, run } of pullsOf(view)) {
      const waitMs = exchange.header.waitMs + ATTEMPT_MS;
      if (
        (exchange.response?.atMs ?? Number.POSITIVE_INFINITY) <= request.atMs + waitMs ||
        run === undefined ||
        isReplaced(facts, exchange.header.poll, request, request.atMs + waitMs)
      )
        continue;
      const end = endOfConnection(facts, request.connection);
      const dueMs = request.atMs + waitMs + ATTEMPT_MS + view.slackMs;
      if (end.by === 'subject' && end.ms <= dueMs && end.ms > request.atMs + 1_000 && runsAt(run, end.index)) judge.pass(request);
      else if (end.ms > dueMs && run.gone.ms > dueMs)
        judge.fail(
          request,
          `expected a new connection after a PULL without an answer for ${waitMs} ms, got the old one open after ${Math.round(end.ms - request.atMs)} ms`,
        );
    }
  },
};

/** One that is sent when the wait was over replaces nothing: it is another try. */
const isReplaced = ({ view }: Facts, poll: number, { connection, index }: FrameSeen, untilMs: number): boolean =>
  pullsOf(view).some(
    (later) =>
      later.request.connection === connection &&
      later.request.index > index &&
      later.request.atMs < untilMs &&
      later.exchange.header.poll === poll,
  );

/** How a consumer paces its PULLs: one a broker, none for ever, no more than it can hold. */
export const LONG_POLL_CLAUSES: readonly Clause[] = [boundsWhatItHolds, onePullABroker, lostPulls];
