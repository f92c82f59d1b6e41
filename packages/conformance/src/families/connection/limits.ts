import { LIMITS, nameError } from '@qanat/core';
import { type Clause, type Judge, judgeThat } from '../../clause/clause.ts';
import type { Exchange, FrameSeen, Header, View } from '../../history/view.ts';
import { isObject } from '../../json.ts';
import { objectOf } from '../../play/program.ts';
import { circumstancesOf, dialled, endingAfter, endingText, isWhole, SERVERS } from './circumstances.ts';
import { greetingsOf, isAcceptable, takesEnough } from './hello.ts';

/** A limit that a request passes, or reaches to the last. */
interface Measured {
  readonly limit: string;
  readonly isPassed: boolean;
  /** Undefined for limits of the schema, which are the same everywhere. */
  readonly isDefault?: boolean;
  /** The registry's code, and others that mean the same check. */
  readonly codes: readonly string[];
}

const SCHEMA_CODES = ['INVALID_ARGUMENT', 'INVALID_NAME'] as const;

type Measure = (header: Header, exchange: Exchange, view: View) => Measured | undefined;

const measured = (limit: keyof typeof LIMITS, value: number, codes: readonly string[]): Measured | undefined =>
  value < LIMITS[limit] ? undefined : { limit, isPassed: value > LIMITS[limit], codes };

const isName = (name: string): boolean => nameError(name) === undefined;
const bytesIn = (text: string): number => new TextEncoder().encode(text).length;

/** The highest of several measures: what passes a limit goes before what reaches it. */
const first = (...all: readonly (Measured | undefined)[]): Measured | undefined =>
  all.find((one) => one?.isPassed === true) ?? all.find((one) => one !== undefined);

/** Limits that a decoded header can pass or reach, where nothing else is wrong with it. */
const MEASURES: Readonly<Record<string, Measure>> = {
  HELLO: ({ software, label, requiredFeatures, frameBytesMax }) =>
    requiredFeatures.length > 0 || !takesEnough(frameBytesMax)
      ? undefined
      : measured('LABEL_BYTES_MAX', Math.max(bytesIn(software), bytesIn(label)), SCHEMA_CODES),
  PULL: ({ waitMs, topics, group }) => {
    const plain = topics.every(({ topic, filter }: { topic: string; filter: string }) => isName(topic) && filter === '');
    return plain && group === '' ? measured('PULL_WAIT_MS_MAX', waitMs, ['INVALID_ARGUMENT']) : undefined;
  },
  OFFSET_LOOKUP: ({ queues }) => measured('LIST_ITEMS_MAX', queues.length, SCHEMA_CODES),
  ROUTE_QUERY: ({ topics, all, watch }) =>
    all || watch || topics.includes('') ? undefined : measured('LIST_ITEMS_MAX', topics.length, SCHEMA_CODES),
  CLIENT_HEARTBEAT: ({ sessionMs, subscription, group, member }) => {
    if (subscription !== undefined || sessionMs === 0 || !isName(group) || member === '') return undefined;
    const tooShort = sessionMs < LIMITS.MEMBER_SESSION_MS_MIN;
    const least = { limit: 'MEMBER_SESSION_MS_MIN', isPassed: tooShort, codes: ['INVALID_ARGUMENT'] };
    return first(
      sessionMs <= LIMITS.MEMBER_SESSION_MS_MIN ? least : undefined,
      measured('MEMBER_SESSION_MS_MAX', sessionMs, ['INVALID_ARGUMENT']),
    );
  },
  TOPIC_CREATE: ({ queues, topic, onDemand }, exchange, view) => {
    if (!isName(topic) || onDemand) return undefined;
    return first(measured('QUEUES_PER_TOPIC_MAX', queues, ['LIMIT_EXCEEDED']), topicsMeasure(topic, exchange, view));
  },
  SEND: (_, { connection, request }) => {
    const max: number = connection.helloOk?.batchBytesMax ?? 0;
    const passes = max > 0 && request.payload.length > max;
    return passes ? { limit: 'BATCH_BYTES_MAX', isPassed: true, isDefault: true, codes: ['BATCH_TOO_LARGE'] } : undefined;
  },
  REGISTER_BROKER: (header, exchange, view) => brokersMeasure(header, exchange, view),
};

const settingOf = (view: View, role: 'broker' | 'nameServer', name: string): number | undefined => {
  const { setup } = circumstancesOf(view);
  const value = role === 'broker' ? objectOf(objectOf(setup, 'broker'), 'limits')[name] : objectOf(setup, 'nameServer')[name];
  return isObject(setup[role]) && typeof value === 'number' ? value : undefined;
};

/** One topic more than a broker that the program has set up takes. */
function topicsMeasure(topic: string, { request }: Exchange, view: View): Measured | undefined {
  const max = settingOf(view, 'broker', 'topicsMax');
  if (max === undefined) return undefined;
  const made = new Set(madeBefore(view, 'TOPIC_CREATE', request).map(({ header }) => header?.topic));
  return made.size >= max && !made.has(topic)
    ? { limit: 'TOPICS_PER_BROKER_MAX', isPassed: true, isDefault: true, codes: ['LIMIT_EXCEEDED'] }
    : undefined;
}

/** One broker more than a NameServer that the program has set up takes. */
function brokersMeasure({ broker }: Header, { request }: Exchange, view: View): Measured | undefined {
  const max = settingOf(view, 'nameServer', 'brokersMax');
  if (max === undefined) return undefined;
  const known = new Set(madeBefore(view, 'REGISTER_BROKER', request).map(({ header }) => header?.broker));
  const stays = view.requests('UNREGISTER_BROKER', 'kit').length === 0 && view.endMs < LIMITS.BROKER_EXPIRY_MS;
  return known.size >= max && !known.has(broker) && stays
    ? { limit: 'BROKERS_MAX', isPassed: true, isDefault: true, codes: ['LIMIT_EXCEEDED'] }
    : undefined;
}

const madeBefore = (view: View, name: 'TOPIC_CREATE' | 'REGISTER_BROKER', { index }: FrameSeen): readonly Exchange[] =>
  view
    .requests(name, 'kit')
    .filter(({ response, code }) => response !== undefined && response.index < index && code === undefined);

/** What the codec of the kit says of a text or list that is too long. */
const TOO_LONG = /^(\S+) (is longer than \d+ bytes|has more than \d+ items)$/;

function measureOf(exchange: Exchange, view: View): Measured | undefined {
  const { request, requests, name, header, connection } = exchange;
  if (request.from !== 'kit' || name === undefined || requests.length !== 1 || request.more) return undefined;
  if (!isWhole(connection)) return undefined;
  const tooLong = TOO_LONG.exec(request.wrong?.message ?? '');
  if (tooLong !== null) return { limit: request.wrong?.message ?? '', isPassed: true, codes: SCHEMA_CODES };
  return header === undefined || request.wrong !== undefined ? undefined : MEASURES[name]?.(header, exchange, view);
}

/** Answers that say nothing of the limit: the server is busy, stops, or looked at something else first. */
const isElse = (code: string): boolean =>
  /^(WRONG_BROKER|TOO_MANY_REQUESTS|BROKER_BUSY|NOT_READY|SHUTTING_DOWN|DISK_FULL|CREATION_DISABLED|TOPIC_EXISTS|HELLO_EXPECTED|NAME_IN_USE|TERM_FENCED|TOPIC_NOT_FOUND|QUEUE_NOT_FOUND|INVALID_BATCH)$/.test(
    code,
  );

interface Answered extends Measured {
  readonly exchange: Exchange;
  readonly response: FrameSeen;
  readonly code: string | undefined;
}

/** Requests that pass or reach a limit, and were answered. */
function answeredOf(view: View): readonly Answered[] {
  return view.exchanges.flatMap((exchange) => {
    const { response, code } = exchange;
    const measure = response === undefined ? undefined : measureOf(exchange, view);
    if (measure === undefined || response === undefined || (code !== undefined && isElse(code))) return [];
    return [{ ...measure, exchange, response, code }];
  });
}

const isBounded: Clause = {
  id: 'QNT-LIM-001',
  roles: SERVERS,
  check(view, judge) {
    for (const { limit, isPassed, response, code, exchange } of answeredOf(view))
      if (isPassed)
        judgeThat(
          judge,
          response,
          code !== undefined,
          () => `${exchange.name} passes a limit (${limit}): it has to be refused, and was served`,
        );
  },
};

const hasTheCode: Clause = {
  id: 'QNT-LIM-002',
  roles: SERVERS,
  check(view, judge) {
    for (const { limit, isPassed, codes, response, code, exchange } of answeredOf(view))
      if (isPassed)
        judgeThat(
          judge,
          response,
          code !== undefined && codes.includes(code),
          () =>
            `${exchange.name} passes a limit (${limit}): it has to be answered ${codes[0]}, and was answered ${code ?? 'well'}`,
          'code',
        );
  },
};

const fixedIsFixed: Clause = {
  id: 'QNT-LIM-003',
  roles: SERVERS,
  check(view, judge) {
    for (const { limit, isPassed, isDefault, codes, response, code, exchange } of answeredOf(view)) {
      if (isDefault === true) continue;
      // LIMIT_EXCEEDED may be about another limit of the server's state.
      const isThis = code !== 'LIMIT_EXCEEDED' || String(response.header?.message).includes(limit);
      const refuses = code !== undefined && codes.includes(code) && isThis;
      judgeThat(judge, response, isPassed ? code !== undefined : !refuses, () =>
        isPassed
          ? `${exchange.name} passes a fixed limit (${limit}), and was served`
          : `${exchange.name} reaches the fixed limit ${limit} and does not pass it: it may not be answered ${code}`,
      );
    }
    judgeFirstFrames(view, judge);
  },
};

/** FRAME_BEFORE_HELLO_BYTES_MAX: one byte more is too much, and that byte less is not. */
function judgeFirstFrames(view: View, judge: Judge): void {
  const max = LIMITS.FRAME_BEFORE_HELLO_BYTES_MAX;
  for (const connection of dialled(view)) {
    const frame = connection.frames.find(({ from }) => from === 'kit');
    if (frame === undefined || frame.name !== 'HELLO' || !isWhole(connection)) continue;
    const length = frame.bytes.length - 4;
    if (length <= max) {
      const tooLarge = connection.goAways.find(({ code, from }) => from === 'subject' && code === 'FRAME_TOO_LARGE');
      const onlyOne = connection.frames.filter(({ from }) => from === 'kit').length === 1;
      if (tooLarge !== undefined && onlyOne)
        judge.fail(tooLarge, `a HELLO may have ${max} bytes, and one of ${length} was answered FRAME_TOO_LARGE`, 'code');
      else if (length === max && connection.hello?.response !== undefined) judge.pass(connection.hello.response);
      continue;
    }
    const ending = endingAfter(view, connection, frame);
    if (ending === undefined) continue;
    judgeThat(
      judge,
      ending.goAway ?? frame,
      ending.closed && ending.code === 'FRAME_TOO_LARGE' && connection.helloOk === undefined,
      () =>
        `a HELLO has ${max} bytes at most: one of ${length} has to end the connection with FRAME_TOO_LARGE, which was ${endingText(ending)}`,
    );
  }
}

const shortFramesAreRefused: Clause = {
  id: 'QNT-LIM-007',
  roles: SERVERS,
  check(view, judge) {
    for (const greeting of greetingsOf(view)) {
      const { hello, exchange, response } = greeting;
      if (response === undefined || hello.frameBytesMax === 0) continue;
      if (takesEnough(hello.frameBytesMax)) {
        if (exchange.code === undefined) judge.pass(response);
        else if (isAcceptable(greeting) && exchange.code === 'INVALID_ARGUMENT')
          judge.fail(
            response,
            `a client may take frames of ${hello.frameBytesMax} bytes, and HELLO was answered INVALID_ARGUMENT`,
            'code',
          );
      } else if (hello.requiredFeatures.length === 0 && (exchange.code === undefined || !isElse(exchange.code)))
        judgeThat(
          judge,
          response,
          exchange.code === 'INVALID_ARGUMENT',
          () =>
            `HELLO says frame_bytes_max ${hello.frameBytesMax}, which is below ${LIMITS.FRAME_BEFORE_HELLO_BYTES_MAX}: it has to be answered INVALID_ARGUMENT, and was answered ${exchange.code ?? 'HELLO_OK'}`,
          'code',
        );
    }
  },
};

const BATCH_BYTES_LEAST = 65_536;

const takesBatches: Clause = {
  id: 'QNT-LIM-008',
  roles: ['broker'],
  check(view, judge) {
    for (const { connection, response } of greetingsOf(view)) {
      const told = connection.helloOk?.batchBytesMax;
      if (response === undefined || told === undefined) continue;
      judgeThat(
        judge,
        response,
        told >= BATCH_BYTES_LEAST,
        () => `a broker has to take batches of ${BATCH_BYTES_LEAST} bytes, and says that it takes ${told}`,
        'batch_bytes_max',
      );
    }
    for (const { request, response, code } of view.requests('SEND', 'kit')) {
      const { length } = request.payload;
      if (response === undefined || length > BATCH_BYTES_LEAST) continue;
      if (code === 'BATCH_TOO_LARGE')
        judge.fail(
          response,
          `a broker has to take batches of ${BATCH_BYTES_LEAST} bytes, and one of ${length} was answered BATCH_TOO_LARGE`,
        );
      else if (length === BATCH_BYTES_LEAST && code === undefined) judge.pass(response);
    }
  },
};

/** Of the registry, of the server's own, or the client's frame_bytes_max. */
const LIMIT_NAME = /[A-Z][A-Z0-9]*_[A-Z0-9_]+|frame_bytes_max/;

const messageNamesLimit: Clause = {
  id: 'QNT-LIM-009',
  roles: SERVERS,
  check(view, judge) {
    for (const frame of view.frames) {
      if (frame.from !== 'subject' || !frame.isError || frame.code !== 'LIMIT_EXCEEDED') continue;
      const { message } = frame.header;
      judgeThat(
        judge,
        frame,
        LIMIT_NAME.test(message),
        () => `the message of LIMIT_EXCEEDED should name the limit, and says ${JSON.stringify(message)}`,
        'message',
      );
    }
  },
};

const busyBrokerSaysSo: Clause = {
  id: 'QNT-LIM-012',
  roles: ['broker'],
  needs: ['settings'],
  check(view, judge) {
    const max = settingOf(view, 'broker', 'stagedBytesMax');
    const sends = view.requests('SEND', 'kit');
    for (const { response, code } of sends)
      if (response !== undefined && code === 'BROKER_BUSY')
        judgeThat(
          judge,
          response,
          response.header.retryAfterMs > 0,
          () => 'BROKER_BUSY has to say a retry_after_ms, and says none',
          'retry_after_ms',
        );
    if (max === undefined) return;
    for (const { request, response } of view.requests('PING', 'kit'))
      if (response !== undefined) judgeStaged(view, request, response, max, judge);
  },
};

/** A PING behind some SEND is answered, and they are not: their bytes wait to be stored. */
function judgeStaged(view: View, ping: FrameSeen, pong: FrameSeen, max: number, judge: Judge): void {
  const waiting = view
    .requests('SEND', 'kit')
    .filter(({ request, response, connection, code }) => {
      const isBehind = response === undefined || response.index > pong.index;
      return connection === ping.connection && request.index < ping.index && isBehind && code === undefined;
    })
    .map(({ request }) => request.payload.length);
  const bytes = waiting.reduce((sum, length) => sum + length, 0);
  // The one that passes the limit may be taken.
  if (bytes - Math.max(0, ...waiting) > max)
    judge.fail(
      pong,
      `${bytes} bytes wait to be stored, STAGED_BYTES_MAX is ${max}: the last SEND has to be answered BROKER_BUSY`,
    );
}

export const LIMIT_CLAUSES: readonly Clause[] = [
  isBounded,
  hasTheCode,
  fixedIsFixed,
  shortFramesAreRefused,
  takesBatches,
  messageNamesLimit,
  busyBrokerSaysSo,
];
