import { LIMITS } from '@qanat/core';
import { type Clause, type Judge, judgeThat } from '../../clause/clause.ts';
import type { ConnectionSeen, Exchange, FrameSeen, View } from '../../history/view.ts';
import { isDisturbed, lastOf } from './circumstances.ts';

/** A broker is a client of its NameServers: these are connections to those of the kit. */
const ROLES = ['broker'] as const;

const linksOf = (view: View): readonly ConnectionSeen[] => view.connections.filter(({ openedBy }) => openedBy === 'subject');

const ownFrames = (link: ConnectionSeen): readonly FrameSeen[] => link.frames.filter(({ from }) => from === 'subject');

const ownRequests = (link: ConnectionSeen): readonly Exchange[] =>
  link.exchanges.filter(({ request }) => request.from === 'subject');

const beginsWithHello: Clause = {
  id: 'QNT-CON-001',
  roles: ROLES,
  check(view, judge) {
    for (const link of linksOf(view)) {
      const [first] = ownFrames(link);
      const hellos = ownFrames(link).filter(({ name, isResponse }) => name === 'HELLO' && !isResponse);
      if (first === undefined) continue;
      judgeThat(
        judge,
        first,
        first.name === 'HELLO' && !first.isOneWay && !first.isResponse && hellos.length === 1,
        () =>
          `the first frame of a client has to be HELLO, a request, once: it is ${first.name ?? first.type}, and HELLO came ${hellos.length} times`,
      );
    }
  },
};

const waitsForHello: Clause = {
  id: 'QNT-CON-002',
  roles: ROLES,
  check(view, judge) {
    for (const link of linksOf(view)) {
      const answered = link.hello?.response?.index ?? view.events.length;
      const early = ownFrames(link).find(({ index, name }) => index < answered && name !== 'HELLO');
      if (early !== undefined)
        judge.fail(early, `no frame but HELLO may come before HELLO is answered, and ${early.name ?? early.type} came`);
      else if (link.hello?.response !== undefined && ownRequests(link).length > 1) judge.pass(link.hello.response);
    }
  },
};

const numbersAreOdd: Clause = {
  id: 'QNT-COR-001',
  roles: ROLES,
  check(view, judge) {
    for (const { request, connection } of view.exchanges) {
      if (request.from !== 'subject') continue;
      const begun = connection.openedBy === 'subject';
      judgeThat(
        judge,
        request,
        begun ? request.correlation % 2 === 1 : request.correlation % 2 === 0 && request.correlation > 0,
        () =>
          `requests of a ${begun ? 'client have odd numbers' : 'server have even numbers other than 0'}, and ${request.correlation} came`,
        'correlation',
      );
    }
  },
};

const numbersAreFree: Clause = {
  id: 'QNT-COR-002',
  roles: ROLES,
  check(view, judge) {
    for (const link of linksOf(view)) {
      const open = new Map<number, Exchange>();
      for (const exchange of ownRequests(link)) {
        const { correlation, index } = exchange.request;
        const before = open.get(correlation);
        const answered = before === undefined || (before.response !== undefined && before.response.index < index);
        judgeThat(
          judge,
          exchange.request,
          answered,
          () => `correlation number ${correlation} is that of a ${before?.name} that is not answered`,
          'correlation',
        );
        open.set(correlation, exchange);
      }
    }
  },
};

const givesHelloUp: Clause = {
  id: 'QNT-CON-012',
  roles: ROLES,
  needs: ['register'],
  check(view, judge) {
    for (const link of linksOf(view)) {
      const { hello } = link;
      if (hello === undefined || hello.response !== undefined) continue;
      judgeClosedBy(view, link, lastOf(hello), LIMITS.HELLO_DEADLINE_MS, 'HELLO was not answered', judge);
    }
  },
};

const givesSilenceUp: Clause = {
  id: 'QNT-KAL-004',
  roles: ROLES,
  needs: ['register'],
  check(view, judge) {
    for (const link of linksOf(view)) {
      const heard = link.frames.filter(({ from }) => from === 'kit').at(-1);
      const idleMs: number | undefined = link.helloOk?.idleMs;
      const waits = ownRequests(link).some(({ response }) => response === undefined);
      if (heard === undefined || idleMs === undefined || !waits) continue;
      judgeClosedBy(view, link, heard, idleMs, 'nothing was heard', judge);
    }
  },
};

/** The broker has to close a connection so long after something. */
function judgeClosedBy(view: View, link: ConnectionSeen, since: FrameSeen, withinMs: number, what: string, judge: Judge): void {
  const { closed, closedIndex } = link;
  if (closed?.by === 'kit' || isDisturbed(view, 0, Math.min(closedIndex, view.events.length))) return;
  const endMs = closed?.atMs ?? view.endMs;
  const lateMs = endMs - since.atMs - withinMs;
  if (lateMs > view.slackMs)
    judge.fail(
      since,
      `${what} for ${withinMs} ms: the connection has to be closed, and was kept for ${Math.round(endMs - since.atMs)} ms`,
    );
  else if (closed !== undefined && endMs - since.atMs > withinMs / 2) judge.pass(closedIndex);
}

export const BROKER_AS_CLIENT_CLAUSES: readonly Clause[] = [
  beginsWithHello,
  waitsForHello,
  numbersAreOdd,
  numbersAreFree,
  givesHelloUp,
  givesSilenceUp,
];
