import { type Clause, judgeThat } from '../../clause/clause.ts';
import { asks } from '../../history/entry.ts';
import type { ConnectionSeen, Exchange, View } from '../../history/view.ts';
import { dialled, isWhole, kitEndOf, lastOf, patienceOf, readsAllTheTime, requestsOf, SERVERS } from './circumstances.ts';

const IN_FLIGHT_LEAST = 32;
/** A server may refuse further requests while so many bytes of answers are on their way. */
const SMALL_ANSWERS_BYTES = 1_000_000;

/** Requests that a server counts: PING, and what it looks at before it counts, are none. */
const counts = ({ name, requests, code, request }: Exchange): boolean =>
  name !== undefined && name !== 'PING' && name !== 'HELLO' && requests.length === 1 && !request.more && code !== 'WRONG_BROKER';

/** Requests that came before this one and were answered behind it: they were in flight when it arrived. */
function aheadOf(all: readonly Exchange[], one: Exchange, atIndex: number): number {
  let ahead = 0;
  for (const other of all)
    if (lastOf(other).index < one.request.index && (other.response === undefined || other.response.index > atIndex)) ahead++;
  return ahead;
}

const refusesBeyondLimit: Clause = {
  // A NameServer answers at once: it never has so many in flight that it would have to refuse one.
  id: 'QNT-COR-006',
  roles: ['broker'],
  check(view, judge) {
    for (const connection of dialled(view)) {
      const max: number = connection.helloOk?.inFlightMax ?? 0;
      const all = requestsOf(connection).filter(counts);
      if (max === 0 || all.length <= max) continue;
      for (const one of all) {
        if (one.response === undefined || one.code === 'SHUTTING_DOWN') continue;
        const ahead = aheadOf(all, one, one.response.index);
        if (ahead < max) continue;
        judgeThat(
          judge,
          one.response,
          one.code === 'TOO_MANY_REQUESTS',
          () =>
            `${ahead} of ${max} requests are in flight: a further ${one.name} has to be answered TOO_MANY_REQUESTS, and was answered ${one.code ?? 'well'}`,
          'code',
        );
      }
      judgeWaiting(view, connection, all, max, judge);
    }
  },
};

/** A request beyond the limit that waits like the others, while the server goes on. */
function judgeWaiting(
  view: View,
  connection: ConnectionSeen,
  all: readonly Exchange[],
  max: number,
  judge: Parameters<Clause['check']>[1],
): void {
  const pings = connection.exchanges.filter(({ name, response }) => name === 'PING' && response !== undefined);
  const last = pings.at(-1);
  if (last?.response === undefined) return;
  const { index, atMs } = last.response;
  const waiting = all.filter(
    (one) =>
      lastOf(one).index < last.request.index && (one.response === undefined || one.response.atMs > atMs + patienceOf(view)),
  );
  const beyond = waiting[max];
  if (
    beyond !== undefined &&
    kitEndOf(view, connection).atMs > atMs + patienceOf(view) &&
    readsAllTheTime(view, connection, 0, index)
  )
    judge.fail(
      beyond.request,
      `${waiting.length} requests wait, and in_flight_max is ${max}: those beyond have to be answered TOO_MANY_REQUESTS`,
    );
}

const allowsLeast: Clause = {
  id: 'QNT-COR-007',
  roles: SERVERS,
  check(view, judge) {
    for (const connection of dialled(view)) {
      const { helloOk, hello } = connection;
      if (helloOk === undefined || hello?.response === undefined) continue;
      judgeThat(
        judge,
        hello.response,
        helloOk.inFlightMax >= IN_FLIGHT_LEAST,
        () => `at least ${IN_FLIGHT_LEAST} requests have to be allowed in flight, and in_flight_max is ${helloOk.inFlightMax}`,
        'in_flight_max',
      );
      judgeRefused(view, connection, judge);
    }
  },
};

/** TOO_MANY_REQUESTS where fewer than 32 requests can have been in flight. */
function judgeRefused(view: View, connection: ConnectionSeen, judge: Parameters<Clause['check']>[1]): void {
  if (!isWhole(connection)) return;
  const all = requestsOf(connection).filter(({ name }) => name !== 'PING');
  for (const one of all) {
    const { response, code, name, request } = one;
    // Frames that wait for the rest of their request, queues that polls name, and users with a rate have bounds of their own.
    if (asks(connection) && response?.header?.retryAfterMs > 0) continue;
    if (code !== 'TOO_MANY_REQUESTS' || response === undefined || request.more || request.control.length > 4_096) continue;
    const open = all.filter(
      (other) => other.request.index < request.index && (other.response === undefined || other.response.index > request.index),
    );
    const from = open[0]?.request.index ?? request.index;
    const bytes = connection.frames
      .filter((frame) => frame.from === 'subject' && frame.index > from && frame.index < response.index)
      .reduce((sum, frame) => sum + frame.bytes.length, 0);
    if (open.length >= IN_FLIGHT_LEAST || bytes > SMALL_ANSWERS_BYTES) continue;
    if (!readsAllTheTime(view, connection, 0, response.index)) continue;
    judge.fail(
      response,
      `${open.length} requests were in flight, at least ${IN_FLIGHT_LEAST} have to be allowed, and ${name} was answered TOO_MANY_REQUESTS`,
      'code',
    );
  }
}

export const IN_FLIGHT_CLAUSES: readonly Clause[] = [refusesBeyondLimit, allowsLeast];
