import { LIMITS } from '@qanat/core';
import { type Clause, type Judge, judgeThat } from '../../clause/clause.ts';
import { headOf, namesIn, SUBPROTOCOL } from '../../ground/websocket/upgrade.ts';
import { once } from '../../history/once.ts';
import { isMark } from '../../history/preface.ts';
import type { ConnectionSeen, Placed, View } from '../../history/view.ts';

/** Everybody that sends: servers under test, and clients. */
const SENDERS = ['nameserver', 'broker', 'producer', 'consumer'] as const;

/** What a peer of the kit says of bytes that are no WebSocket. */
const NO_WEB_SOCKET = /^no WebSocket: /;

/** A data message of the subject, with the frames in it. */
interface Sent {
  readonly message: Placed<'message'>;
  readonly frames: number;
  /** Bytes of these frames. */
  readonly frameBytes: number;
}

const onWebSocket = ({ connections }: View): readonly ConnectionSeen[] =>
  connections.filter(({ binding }) => binding === 'websocket');

/** All data messages of the subject that could be read. What was read of a message stands before it. */
const sentOf: (view: View) => readonly Sent[] = once((view) =>
  onWebSocket(view).flatMap(({ messages, frames, brokenIndex, closed }) => {
    const own = frames.filter(({ from }) => from === 'subject');
    let next = 0;
    const sent = messages.filter(
      ({ from, type, index }) => from === 'subject' && (type === 'binary' || type === 'text') && index < brokenIndex,
    );
    // The kit may break a connection off behind any frame: what follows it in the last message was not read.
    if (closed?.by === 'kit') sent.pop();
    return sent.map((message) => {
      const first = next;
      while (next < own.length && (own[next]?.index ?? 0) < message.index) next++;
      const inside = own.slice(first, next);
      return { message, frames: inside.length, frameBytes: inside.reduce((sum, { bytes }) => sum + bytes.length, 0) };
    });
  }),
);

/** The first frame of a client's request, or of a server's first message: neither begins with a preface. */
const asksAndSaysNoPreface: Clause = {
  id: 'QNT-WSK-001',
  roles: SENDERS,
  binding: 'websocket',
  check(view, judge) {
    for (const event of view.of('upgrade')) if (event.from === 'subject') judgeRequest(event, judge);
    for (const connection of onWebSocket(view)) judgeBeginning(connection, judge);
  },
};

const isRequest = (text: string): boolean => !text.startsWith('HTTP/');

function judgeRequest({ text, index }: Placed<'upgrade'>, judge: Judge): void {
  if (!isRequest(text)) return;
  const { line, headers } = headOf(text);
  const offered = headers.get('sec-websocket-protocol');
  judgeThat(
    judge,
    index,
    line === 'GET / HTTP/1.1' && namesIn(offered).includes(SUBPROTOCOL),
    () => `a client asks for the upgrade at /, and offers ${SUBPROTOCOL}; got "${line}" and ${offered ?? 'no subprotocol'}`,
  );
}

function judgeBeginning({ frames, broken, brokenIndex }: ConnectionSeen, judge: Judge): void {
  const first = frames.find(({ from }) => from === 'subject');
  if (first !== undefined) judge.pass(first);
  else if (broken !== undefined && isMark(broken.bytes))
    judge.fail(brokenIndex, 'no preface is sent over WebSocket: the subprotocol stands for it; got one');
}

const wholeFrames: Clause = {
  id: 'QNT-WSK-008',
  roles: SENDERS,
  binding: 'websocket',
  check(view, judge) {
    for (const { broken, brokenIndex } of onWebSocket(view))
      if (broken !== undefined && NO_WEB_SOCKET.test(broken.why))
        judge.fail(brokenIndex, `frames are sent in binary messages of RFC 6455; got ${broken.why}`);
    for (const { message, frames, frameBytes } of sentOf(view)) judgeWhole(message, frames, frameBytes, judge);
  },
};

function judgeWhole({ type, length, index }: Placed<'message'>, frames: number, frameBytes: number, judge: Judge): void {
  if (type === 'text') judge.fail(index, 'frames are sent in binary messages; got a text message');
  else
    judgeThat(
      judge,
      index,
      length > 0 && length === frameBytes,
      () => `a message holds whole frames; got one of ${length} bytes that ends ${frames} frames of ${frameBytes} bytes`,
    );
}

const joinsShortOnes: Clause = {
  id: 'QNT-WSK-009',
  roles: SENDERS,
  binding: 'websocket',
  check(view, judge) {
    const max = LIMITS.FRAME_BEFORE_HELLO_BYTES_MAX;
    for (const { message, frames } of sentOf(view)) {
      const { length, index } = message;
      judgeThat(
        judge,
        index,
        frames <= 1 || length <= max,
        () => `several frames share a message of at most ${max} bytes (FRAME_BEFORE_HELLO_BYTES_MAX); got ${frames} in ${length}`,
      );
    }
  },
};

export const SENT_CLAUSES: readonly Clause[] = [asksAndSaysNoPreface, wholeFrames, joinsShortOnes];
