import { FRAMES } from '@qanat/core';
import { type Clause, judgeThat } from '../clause/clause.ts';
import type { ConnectionSeen, Exchange, FrameSeen } from '../history/view.ts';
import type { Family } from '../play/family.ts';
import type { Program, Step } from '../play/program.ts';

/** Servers under test: the kit is their client. */
const SERVERS = ['nameserver', 'broker'] as const;

/** Requests of the kit before its connection was ended by anybody. */
const requestsOf = (connection: ConnectionSeen): readonly Exchange[] =>
  connection.exchanges.filter(({ request }) => request.from === 'kit');

const saidHello = (connection: ConnectionSeen): boolean => connection.helloOk !== undefined;

/** The kit's connections on which HELLO was answered well. */
const isLater = (frame: FrameSeen, than: FrameSeen): boolean => frame.index > than.index;

/** The connection was still served behind a frame: a later request was answered. */
const goesOn = (exchange: Exchange): boolean =>
  requestsOf(exchange.connection).some((later) => isLater(later.request, exchange.request) && later.response !== undefined);

const unknownRequest: Clause = {
  id: 'QNT-FRM-022',
  roles: SERVERS,
  check(view, judge) {
    for (const exchange of view.exchanges) {
      const { request, connection, code, response } = exchange;
      if (request.from !== 'kit' || request.name !== undefined || !saidHello(connection)) continue;
      if (request.correlation % 2 === 0 || connection.hello?.request.index === request.index) continue;
      const type = `0x${request.type.toString(16).padStart(4, '0')}`;
      if (response === undefined)
        judge.fail(request, `a request of the unknown type ${type} has to be answered UNSUPPORTED_FRAME, and was not answered`);
      else if (code !== 'UNSUPPORTED_FRAME')
        judge.fail(
          response,
          `a request of the unknown type ${type} has to be answered UNSUPPORTED_FRAME, and was answered ${code ?? 'without an error'}`,
          'code',
        );
      else if (connection.closed?.by === 'subject' && !goesOn(exchange))
        judge.fail(response, `the connection has to stay after UNSUPPORTED_FRAME, and was closed`);
      else judge.pass(response);
    }
  },
};

/** The first GOAWAY of the subject behind a frame, and whether the connection ended. */
const closedWith = (frame: FrameSeen): { code: string | undefined; closed: boolean } => ({
  code: frame.connection.goAways.find((goAway) => goAway.from === 'subject' && isLater(goAway, frame))?.code,
  closed: frame.connection.closed?.by === 'subject',
});

const evenNumber: Clause = {
  id: 'QNT-FRM-019',
  roles: SERVERS,
  check(view, judge) {
    for (const { request, connection } of view.exchanges) {
      if (request.from !== 'kit' || request.correlation % 2 === 1) continue;
      const { code, closed } = closedWith(request);
      judgeThat(
        judge,
        request,
        closed && code === 'MALFORMED_FRAME',
        () =>
          `a request with the even number ${request.correlation} has to end connection ${connection.number} with MALFORMED_FRAME, which ${closed ? `ended with ${code ?? 'no GOAWAY'}` : 'goes on'}`,
        'correlation',
      );
    }
  },
};

const pingAnswered: Clause = {
  id: 'QNT-FRM-026',
  roles: SERVERS,
  check(view, judge) {
    for (const { request, connection, response, code } of view.requests('PING', 'kit')) {
      if (!saidHello(connection) || connection.closed?.by === 'kit') continue;
      if (connection.goAways.length > 0 || request.flags !== 0) continue;
      if (response === undefined) {
        if (connection.closed === undefined) judge.fail(request, 'PING has to be answered in every state, and was not');
      } else
        judgeThat(
          judge,
          response,
          code === undefined,
          () => `PING has to be answered without ERROR, and was answered ${code}`,
          'flags',
        );
    }
  },
};

const noOneWayAnswer: Clause = {
  id: 'QNT-FRM-008',
  roles: SERVERS,
  check(view, judge) {
    for (const frame of view.frames) {
      if (frame.from !== 'kit' || !frame.isOneWay || !saidHello(frame.connection)) continue;
      const answer = frame.connection.frames.find(
        (one) => one.from === 'subject' && one.isResponse && one.type === frame.type && one.correlation === frame.correlation,
      );
      judgeThat(judge, answer ?? frame, answer === undefined, () => 'a one-way frame must not be answered, and was');
    }
  },
};

const OPEN: Step = { op: 'open' };

const program = (name: string, ...steps: Step[]): Program[] => SERVERS.map((role) => ({ family: 'framing', name, role, steps }));

const PROGRAMS: readonly Program[] = [
  ...program('unknown-type', OPEN, { op: 'frame', type: 0x3a5a, wait: true }, { op: 'fence' }),
  ...program('even-number', OPEN, { op: 'frame', type: FRAMES.PING.type, correlation: 2 }, { op: 'awaitClose' }),
  ...program('unknown-one-way', OPEN, { op: 'frame', type: 0x3a5a, flags: ['ONEWAY', 'IGNORABLE'] }, { op: 'fence' }),
];

export const framing: Family = {
  name: 'framing',
  clauses: [unknownRequest, evenNumber, pingAnswered, noOneWayAnswer],
  programs: PROGRAMS,
};
