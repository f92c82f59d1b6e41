import {
  AuthMechanism,
  AuthOk,
  type AuthOkInit,
  type Connection,
  type ConnectionHandler,
  codeNumber,
  decodeFrame,
  ErrorInfo,
  encodeFrame,
  Feature,
  Flag,
  type Frame,
  FrameType,
  HelloOk,
  type HelloOkInit,
  joinParts,
  QanatError,
  Random,
  ServerRole,
  utf8,
} from '@qanat/core';
import type { CallDone, Driver, Manifest } from '../driver/driver.ts';
import type { Ground } from '../ground/ground.ts';
import type { JsonObject } from '../json.ts';

/** What a server does that does no work. */
type Behaviour = (connection: Connection, random: Random) => Partial<ConnectionHandler>;

const ADDRESS = { nameserver: 'subject:7600', broker: 'subject:7610' } as const;
const HELLO_OK = {
  software: 'degenerate',
  frameBytesMax: 4_259_840,
  batchBytesMax: 4_194_304,
  inFlightMax: 1_024,
  idleMs: 60_000,
};

const send = (connection: Connection, parts: readonly Uint8Array[]): void => {
  connection.send([joinParts(parts)]);
  connection.flush();
};

const answerHello = (connection: Connection, { correlation }: Frame, offer: HelloOkInit = {}): void => {
  const answer = HelloOk.encode({ ...HELLO_OK, role: ServerRole.BROKER, name: 'subject', ...offer });
  send(connection, encodeFrame(FrameType.HELLO, Flag.RESPONSE, correlation, answer));
};

const ASKS = { features: [Feature.FEATURE_AUTH], mechanisms: [AuthMechanism.SCRAM_SHA_256] };

const isRequest = ({ flags }: Frame): boolean => (flags & (Flag.RESPONSE | Flag.ONEWAY)) === 0;

/** Answers HELLO, and every other request as `answer` says. */
const answering =
  (answer: (connection: Connection, frame: Frame, count: number) => void): Behaviour =>
  (connection) => {
    let count = 0;
    return {
      onFrame: (bytes) => {
        const frame = decodeFrame(bytes);
        if (!isRequest(frame)) return;
        if (frame.type === FrameType.HELLO) answerHello(connection, frame);
        else answer(connection, frame, ++count);
      },
    };
  };

/** Asks who is there, takes every proof of everybody, and answers every other request as `answer` says. */
const lettingIn =
  (answer: (connection: Connection, frame: Frame) => void): Behaviour =>
  (connection) => {
    let first: string | undefined;
    const say = ({ correlation }: Frame, header: AuthOkInit): void =>
      send(connection, encodeFrame(FrameType.AUTH, Flag.RESPONSE, correlation, AuthOk.encode(header)));
    return {
      onFrame: (bytes) => {
        const frame = decodeFrame(bytes);
        if (!isRequest(frame)) return;
        if (frame.type === FrameType.HELLO) return answerHello(connection, frame, ASKS);
        if (frame.type !== FrameType.AUTH) return answer(connection, frame);
        if (first !== undefined) return say(frame, { data: utf8('v=AAAA'), done: true, principal: 'root' });
        first = new TextDecoder().decode(frame.control);
        const nonce = /r=([^,]*)/.exec(first)?.[1] ?? '';
        return say(frame, { data: utf8(`r=${nonce}0123456789abcdefghij,s=c2FsdA==,i=4096`) });
      },
    };
  };

const answerOk = (connection: Connection, { type, correlation }: Frame): void =>
  send(connection, encodeFrame(type, Flag.RESPONSE, correlation, new Uint8Array(0)));

const answerForbidden = (connection: Connection, { type, correlation }: Frame): void => {
  const error = ErrorInfo.encode({ code: codeNumber('FORBIDDEN'), message: 'no' });
  send(connection, encodeFrame(type, Flag.RESPONSE | Flag.ERROR, correlation, error));
};

/** Servers that no rule can credit: each is wrong as a whole. */
export const DEGENERATE_SERVERS: Readonly<Record<string, Behaviour | undefined>> = {
  'nothing listens': undefined,
  'accepts, then closes': (connection) => {
    connection.close();
    return {};
  },
  silent: () => ({}),
  echo: (connection) => ({ onFrame: (bytes) => send(connection, [bytes.slice()]) }),
  'HELLO only': answering(() => {}),
  'always OK': answering(answerOk),
  'lets everybody in, and is always OK': lettingIn(answerOk),
  'FORBIDDEN for everybody': lettingIn(answerForbidden),
  'right failure for the wrong reason': answering((connection, { type, correlation }) =>
    send(
      connection,
      encodeFrame(
        type,
        Flag.RESPONSE | Flag.ERROR,
        correlation,
        ErrorInfo.encode({ code: codeNumber('INVALID_ARGUMENT'), message: 'no' }),
      ),
    ),
  ),
  'crashes at the third request': answering((connection, frame, count) => {
    if (count >= 3) connection.abort(new QanatError('CONNECTION_LOST', 'crashed'));
    else answerOk(connection, frame);
  }),
  'hangs at the third request': answering((connection, frame, count) => {
    if (count < 3) answerOk(connection, frame);
  }),
  garbage: (connection, random) => {
    const shout = (): void => send(connection, [random.bytes(40)]);
    shout();
    return { onFrame: shout };
  },
};

/** A driver whose server does what it should not. */
export class DegenerateServer implements Driver {
  readonly manifest: Manifest;
  readonly #behaviour: Behaviour | undefined;
  readonly #ground: Ground;
  readonly #role: 'nameserver' | 'broker';

  constructor(name: string, role: 'nameserver' | 'broker', ground: Ground) {
    this.#behaviour = DEGENERATE_SERVERS[name];
    this.#ground = ground;
    this.#role = role;
    // It claims everything: what it cannot do has to show.
    const abilities = ['kill', 'stop', 'pause', 'register', 'settings', 'powerloss', 'users'] as const;
    this.manifest = { name, version: '0', roles: [role], abilities };
  }

  call(op: string, _args: JsonObject, done: CallDone): void {
    if (op !== 'start' || this.#behaviour === undefined) return done(undefined, { address: ADDRESS[this.#role] });
    const behaviour = this.#behaviour;
    this.#ground.transport('subject').listen(
      ADDRESS[this.#role],
      (connection) => ({ ...QUIET, ...behaviour(connection, new Random(5)) }),
      () => done(undefined, { address: ADDRESS[this.#role] }),
    );
  }

  onTold(): void {}

  async close(): Promise<void> {}
}

const QUIET: ConnectionHandler = {
  onOpen: () => {},
  onFrame: () => {},
  onFramesEnd: () => {},
  onBadBytes: () => {},
  onDrain: () => {},
  onClose: () => {},
};
