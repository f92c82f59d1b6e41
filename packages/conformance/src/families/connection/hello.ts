import { Feature, FrameType, LIMITS } from '@qanat/core';
import { type Clause, type Judge, judgeThat } from '../../clause/clause.ts';
import { asks, entryOf } from '../../history/entry.ts';
import { replicaTold } from '../../history/replica-told.ts';
import type { ConnectionSeen, Exchange, FrameSeen, Header, View } from '../../history/view.ts';
import { dialled, endingAfter, endingText, isServedAfter, isWhole, requestsOf, SERVERS } from './circumstances.ts';

/** A HELLO of the kit that is well-formed, and the first thing on its connection. */
export interface Greeting {
  readonly connection: ConnectionSeen;
  readonly exchange: Exchange;
  readonly hello: Header;
  readonly response: FrameSeen | undefined;
}

/** No version has such a number: who says it repeats what it was told. */
const NO_MINOR = 2 ** 31;
/** Numbers of features for greasing are these behind multiples of 31. */
const GREASED = { every: 31, at: 27 } as const;

export function greetingsOf(view: View): readonly Greeting[] {
  return dialled(view).flatMap((connection) => {
    const exchange = connection.hello;
    const first = connection.frames.find(({ from }) => from === 'kit');
    if (exchange === undefined || exchange.request !== first || !isWhole(connection)) return [];
    const { request, header, response } = exchange;
    const fits = request.bytes.length - 4 <= LIMITS.FRAME_BEFORE_HELLO_BYTES_MAX;
    if (request.flags !== 0 || request.correlation % 2 === 0 || request.wrong !== undefined || !fits) return [];
    return [{ connection, exchange, hello: header, response }];
  });
}

/** A server has no reason to refuse it, whether it asks who is there or not. */
export const isAcceptable = ({ hello, exchange }: Greeting): boolean =>
  hello.requiredFeatures.length === 0 &&
  takesEnough(hello.frameBytesMax) &&
  (exchange.code !== 'UNAUTHENTICATED' || namesAuth(hello));

/** The client says that it can log in. */
export const namesAuth = ({ features, requiredFeatures }: Header): boolean =>
  [...features, ...requiredFeatures].includes(Feature.FEATURE_AUTH);

export const takesEnough = (frameBytesMax: number): boolean =>
  frameBytesMax === 0 || frameBytesMax >= LIMITS.FRAME_BEFORE_HELLO_BYTES_MAX;

const isGreased = (feature: number): boolean => feature % GREASED.every === GREASED.at;

/** Greetings that were answered with HELLO_OK. */
const accepted = (view: View): readonly (Greeting & { readonly response: FrameSeen; readonly ok: Header })[] =>
  greetingsOf(view).flatMap((one) => {
    const { response, connection } = one;
    return response === undefined || connection.helloOk === undefined ? [] : [{ ...one, response, ok: connection.helloOk }];
  });

/** What the subject says where the client does not hold it down. */
function ownOf(told: readonly { asked: number; answered: number }[]): number | undefined {
  return told.find(({ asked, answered }) => answered < asked)?.answered;
}

const minorIsLower: Clause = {
  id: 'QNT-CON-004',
  roles: SERVERS,
  check(view, judge) {
    const told = accepted(view).map(({ hello, ok, response }) => ({ asked: hello.minor, answered: ok.minor, response }));
    const own = ownOf(told);
    for (const { asked, answered, response } of told) {
      const wanted = Math.min(asked, own ?? asked);
      judgeThat(
        judge,
        response,
        answered === wanted && answered < NO_MINOR,
        () =>
          `HELLO_OK has to say the lower minor version of the client's (${asked}) and the server's (${own ?? 'unknown'}), and says ${answered}`,
        'minor',
      );
    }
  },
};

const featuresAreAskedFor: Clause = {
  id: 'QNT-CON-005',
  roles: SERVERS,
  check(view, judge) {
    for (const { hello, ok, response } of accepted(view)) {
      const asked = new Set<number>([...hello.features, ...hello.requiredFeatures]);
      const wrong = ok.features.find((feature: number) => !asked.has(feature) || isGreased(feature));
      judgeThat(
        judge,
        response,
        wrong === undefined,
        () =>
          asked.has(wrong)
            ? `feature ${wrong} is never assigned, and HELLO_OK says that it is active`
            : `HELLO_OK may name features that the client has named [${[...asked]}], and names ${wrong}`,
        'features',
      );
    }
  },
};

const requiredFeatureMissing: Clause = {
  id: 'QNT-CON-006',
  roles: SERVERS,
  check(view, judge) {
    for (const greeting of greetingsOf(view)) {
      const { hello, response, connection, exchange } = greeting;
      const required: readonly number[] = hello.requiredFeatures;
      if (required.length === 0 || response === undefined) continue;
      const missing = required.find((feature) => isGreased(feature) || connection.helloOk?.features.includes(feature) !== true);
      if (connection.helloOk !== undefined)
        judgeThat(
          judge,
          response,
          missing === undefined,
          () => `a HELLO that requires feature ${missing} has to be answered UNSUPPORTED_FEATURE, and was answered HELLO_OK`,
        );
      else if (exchange.code === 'UNSUPPORTED_FEATURE') judgeClosed(view, judge, connection, response, 'UNSUPPORTED_FEATURE');
      else if (takesEnough(hello.frameBytesMax) && !isOfServer(exchange.code))
        judge.fail(
          response,
          `a HELLO that requires feature ${required[0]} has to be answered UNSUPPORTED_FEATURE, and was answered ${exchange.code}`,
          'code',
        );
    }
  },
};

/** A reason of the server's own, that no HELLO can avoid. */
const isOfServer = (code: string | undefined): boolean => code === 'SHUTTING_DOWN' || code === 'TOO_MANY_CONNECTIONS';

function judgeClosed(view: View, judge: Judge, connection: ConnectionSeen, response: FrameSeen, code: string | undefined): void {
  const ending = endingAfter(view, connection, response);
  if (ending === undefined) return;
  judgeThat(
    judge,
    response,
    ending.closed,
    () => `a connection has to be closed after HELLO was answered ${code}, and was ${endingText(ending)}`,
  );
}

const refusedIsClosed: Clause = {
  id: 'QNT-CON-011',
  roles: SERVERS,
  check(view, judge) {
    for (const connection of dialled(view)) {
      const { hello } = connection;
      if (hello?.response?.isError === true) judgeClosed(view, judge, connection, hello.response, hello.code);
    }
  },
};

const idleIsLower: Clause = {
  id: 'QNT-CON-010',
  roles: SERVERS,
  check(view, judge) {
    const told = accepted(view).map(({ hello, ok, response }) => ({
      asked: hello.idleMs === 0 ? Number.POSITIVE_INFINITY : hello.idleMs,
      answered: ok.idleMs,
      response,
    }));
    const own = ownOf(told);
    for (const { asked, answered, response } of told) {
      const said = Number.isFinite(asked) ? `the client's (${asked})` : "the client's (none)";
      judgeThat(
        judge,
        response,
        answered > 0 && answered === Math.min(asked, own ?? asked),
        () =>
          `HELLO_OK has to say the lower idle_ms of ${said} and the server's (${own ?? 'unknown'}), and says ${answered === 0 ? 'none' : answered}`,
        'idle_ms',
      );
    }
  },
};

const tellsLimits = (role: 'nameserver' | 'broker'): Clause => ({
  id: 'QNT-CON-009',
  roles: [role],
  check(view, judge) {
    for (const { ok, response, connection } of accepted(view)) {
      const told = { frame_bytes_max: ok.frameBytesMax, in_flight_max: ok.inFlightMax };
      const all = role === 'broker' ? { ...told, batch_bytes_max: ok.batchBytesMax } : told;
      const missing = Object.entries(all).find(([, value]) => value === 0)?.[0];
      const refused = tooEarlyTooLarge(connection, response, ok.frameBytesMax);
      if (missing !== undefined) judge.fail(response, `HELLO_OK has to tell ${missing}, and does not`, missing);
      else if (refused !== undefined)
        judge.fail(
          refused,
          `HELLO_OK says that frames of ${ok.frameBytesMax} bytes are taken, and none was longer, and GOAWAY says FRAME_TOO_LARGE`,
          'code',
        );
      else judge.pass(response);
    }
  },
});

/** GOAWAY with FRAME_TOO_LARGE, though no frame was longer than HELLO_OK allows. */
function tooEarlyTooLarge(connection: ConnectionSeen, helloOk: FrameSeen, bytesMax: number): FrameSeen | undefined {
  const goAway = connection.goAways.find((one) => one.from === 'subject' && one.code === 'FRAME_TOO_LARGE');
  const greetedAt = entryOf(connection)?.index ?? (asks(connection) ? Number.POSITIVE_INFINITY : helloOk.index);
  // What came before the answer is judged by another limit.
  const fits = connection.frames.every(
    ({ from, bytes, index }) => from === 'subject' || (index > greetedAt ? bytes.length - 4 <= bytesMax : bytes.length < 16_384),
  );
  return fits ? goAway : undefined;
}

const STORE_ID_BYTES = 16;

const tellsBroker: Clause = {
  id: 'QNT-CON-008',
  roles: ['broker'],
  check(view, judge) {
    let name: string | undefined;
    for (const { ok, response } of accepted(view)) {
      name ??= ok.name;
      if (ok.role !== 1) judge.fail(response, `HELLO_OK of a broker has to say the role BROKER, and says ${ok.role}`, 'role');
      else if (ok.name === '') judge.fail(response, 'HELLO_OK of a broker has to tell its name, and tells none', 'name');
      else if (ok.name !== name)
        judge.fail(response, `the broker is ${name} on one connection, and ${ok.name} on another`, 'name');
      else if (ok.storeId.length !== STORE_ID_BYTES)
        judge.fail(response, `HELLO_OK of a broker has to tell a store id of 16 bytes, and has ${ok.storeId.length}`, 'store_id');
      // A replica has none before it knows of a master.
      else if (ok.term === 0 && replicaTold(view) === undefined)
        judge.fail(response, 'HELLO_OK of a broker has to tell its term, from 1 on, and tells none', 'term');
      else judge.pass(response);
    }
  },
};

const tellsNameServer: Clause = {
  id: 'QNT-CON-008',
  roles: ['nameserver'],
  check(view, judge) {
    for (const { ok, response } of accepted(view))
      judgeThat(
        judge,
        response,
        ok.role === 0,
        () => `HELLO_OK of a NameServer has to say the role NAMESERVER, and says ${ok.role}`,
        'role',
      );
  },
};

const AUTH = FrameType.AUTH;

const authIsUnsupported: Clause = {
  id: 'QNT-CON-014',
  roles: SERVERS,
  check(view, judge) {
    for (const { connection, ok } of accepted(view)) {
      // With the feature it is served.
      if (ok.features.includes(Feature.FEATURE_AUTH)) continue;
      for (const { request, response, code } of requestsOf(connection)) {
        if (request.type !== AUTH || request.flags !== 0 || request.correlation % 2 === 0 || response === undefined) continue;
        if (code !== 'UNSUPPORTED_FRAME')
          judge.fail(response, `AUTH has to be answered UNSUPPORTED_FRAME, and was answered ${code ?? 'without ERROR'}`, 'code');
        else if (isServedAfter(connection, response.index)) judge.pass(response);
        else if (endsByItself(view, connection, response))
          judge.fail(response, 'the connection has to stay after AUTH was answered UNSUPPORTED_FRAME, and was closed');
      }
    }
  },
};

/** The subject closed it, and no later frame of the kit can be the reason. */
function endsByItself(view: View, connection: ConnectionSeen, response: FrameSeen): boolean {
  const ending = endingAfter(view, connection, response);
  return ending?.closed === true && !connection.frames.some(({ from, index }) => from === 'kit' && index > response.index);
}

export const HELLO_CLAUSES: readonly Clause[] = [
  minorIsLower,
  featuresAreAskedFor,
  requiredFeatureMissing,
  tellsBroker,
  tellsNameServer,
  tellsLimits('nameserver'),
  tellsLimits('broker'),
  idleIsLower,
  refusedIsClosed,
  authIsUnsupported,
];
