import {
  ClientSession,
  type ClientSessionEvents,
  type Clock,
  codecOfRequest,
  Driver,
  type Engine,
  EngineContext,
  Feature,
  type Input,
  type Output,
  QanatError,
  type Random,
  type RequestInit,
  type Transport,
} from '@qanat/core';

const ANSWER_MS = 8_000;

export interface Asking {
  readonly clock: Clock;
  readonly transport: Transport;
  readonly random: Random;
  readonly address: string;
}

/** An engine of one session and one request. */
class OneRequest implements Engine, ClientSessionEvents {
  readonly context: EngineContext;
  session: ClientSession | undefined;
  readonly #ended: (error: QanatError | undefined) => void;

  constructor(random: Random, ended: (error: QanatError | undefined) => void) {
    this.context = new EngineContext(random);
    this.#ended = ended;
  }

  handle(input: Input, nowMs: number): void {
    this.context.enter(nowMs);
    if (!this.context.handle(input)) this.session?.handle(input);
  }

  tick(nowMs: number): void {
    this.context.enter(nowMs);
    this.context.timers.tick(nowMs);
  }

  drain(): readonly Output[] {
    return this.context.drain();
  }

  nextDeadlineMs(): number | undefined {
    return this.context.timers.nextDeadlineMs();
  }

  onOpen(): void {}
  onPush(): void {}
  onGoAway(): void {}

  onClosed(_session: ClientSession, error: QanatError | undefined): void {
    this.#ended(error ?? new QanatError('CLOSED', 'the connection was closed'));
  }
}

/** Asks a replica to become master, or to be none, on a connection of its own. `done` comes once. */
export function askBroker<N extends 'PROMOTE' | 'DEMOTE'>(
  { clock, transport, random, address }: Asking,
  name: N,
  header: RequestInit<N>,
  done: (error: QanatError | undefined) => void,
): void {
  let open = true;
  const end = (error: QanatError | undefined): void => {
    if (!open) return;
    open = false;
    done(error);
    // Not within the input that brought the answer.
    clock.at(clock.nowMs(), () => driver.kill(new QanatError('CLOSED', 'it was answered')));
  };
  const engine = new OneRequest(random, end);
  const driver = new Driver(engine, { clock, transports: [transport] });
  driver.enter((nowMs) => {
    const { context } = engine;
    context.enter(nowMs);
    const greeting = { software: 'operator', features: [Feature.FEATURE_REPLICATION] };
    engine.session = new ClientSession(context, engine, address, greeting);
    engine.session.request(name, header, { timeoutMs: ANSWER_MS, codec: codecOfRequest(name) }, end);
  });
  driver.perform();
}
