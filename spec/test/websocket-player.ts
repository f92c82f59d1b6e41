// Plays sessions of a server behind WebSocket against the binding: its judgement of requests, and its reader of messages.
import type { IncomingMessage } from 'node:http';
import type { Output } from '@qanat/core';
import { MessageReader } from '../../packages/transports/src/websocket/message-reader.ts';
import { SUBPROTOCOL } from '../../packages/transports/src/websocket/message-socket.ts';
import { acceptingAnswer, refusalOf, refusingAnswer } from '../../packages/transports/src/websocket/upgrade-answer.ts';
import { Opcode } from '../../packages/transports/src/websocket/wire-format.ts';
import { joined, piece } from '../../packages/transports/test/websocket-peers.ts';
import { bytesOfHex, hexOfBytes } from './fences.ts';
import type { Player, Setup, Step } from './session-format.ts';

/** Bytes come in chunks of so many, so that headers are cut too. */
const CHUNK_BYTES = 7;

/** @param server the connection handling behind the binding. */
export function webSocketPlayer(server: Player, setup: Setup): Player {
  const readers = new Map<number, MessageReader>();
  const readerOf = (connection: number): MessageReader => readers.get(connection) as MessageReader;
  const player: Player = {
    done: [],
    input: (step, nowMs) => {
      const { connection } = step;
      if (step.event !== undefined) server.input(step, nowMs);
      else if (step.request !== undefined) {
        const answer = answerTo(step.request, setup.origins ?? []);
        player.done.push({ at: nowMs, connection, what: { answer } });
        if (answer.status !== 101) return server.input({ at: step.at, connection, event: 'closed' }, nowMs);
        readers.set(connection, new MessageReader({ masked: true, onPing: () => undefined, onGivenUp: () => undefined }));
      } else read(step, nowMs);
    },
    tick: (nowMs) => server.tick(nowMs),
    drain: () => server.drain().map(settled),
    nextDeadlineMs: () => server.nextDeadlineMs(),
  };

  const read = ({ at, connection, ...step }: Step, nowMs: number): void => {
    const reader = readerOf(connection);
    const bytes = wireOf(step);
    for (let from = 0; from < bytes.length; from += CHUNK_BYTES) {
      reader.push(bytes.slice(from, from + CHUNK_BYTES));
      for (let more = true; more; more = !reader.isEmpty) {
        reader.nextTurn();
        const error = reader.give((frame) => server.input({ at, connection, in: hexOfBytes(frame) }, nowMs));
        if (error !== undefined) return server.input({ at, connection, bad: error }, nowMs);
      }
    }
  };

  /** What the server asks for is the binding's to do. */
  const settled = (output: Output): Output => {
    if (output.kind === 'frameLimit') readerOf(output.connection).setFrameBytesMax(output.bytes);
    return output.kind === 'close' ? ({ ...output, code: readerOf(output.connection).closeCode } as Output) : output;
  };
  return player;
}

function answerTo(
  { method, path, headers }: NonNullable<Step['request']>,
  origins: readonly string[],
): NonNullable<Step['answer']> {
  const request = { method, url: path, headers } as unknown as IncomingMessage;
  const refusal = refusalOf(request, { origins, subprotocol: SUBPROTOCOL });
  const [line = '', ...lines] = (refusal === undefined ? acceptingAnswer(request, SUBPROTOCOL) : refusingAnswer(refusal)).split(
    '\r\n',
  );
  const named = lines
    .slice(0, lines.indexOf(''))
    .map((text) => /^([^:]+): (.*)$/.exec(text) as unknown as [string, string, string]);
  return {
    status: Number(line.split(' ')[1]),
    headers: Object.fromEntries(named.map(([, name, value]) => [name.toLowerCase(), value])),
  };
}

/** A message as it goes over the wire, with a ping of WebSocket between its pieces. */
function wireOf({ message, zeros = 0, pieces = [], text }: Partial<Step>): Uint8Array {
  if (text !== undefined) return piece(Opcode.TEXT, new TextEncoder().encode(text));
  const payload = joined(bytesOfHex(message ?? ''), new Uint8Array(zeros));
  let at = 0;
  const parts = pieces.map((length, i) => {
    at += length;
    return joined(part(i, payload.slice(at - length, at), false), piece(Opcode.PING, new Uint8Array(2)));
  });
  return joined(...parts, part(pieces.length, payload.slice(at), true));
}

const part = (i: number, payload: Uint8Array, final: boolean): Uint8Array =>
  piece(i === 0 ? Opcode.BINARY : Opcode.CONTINUATION, payload, { final });
