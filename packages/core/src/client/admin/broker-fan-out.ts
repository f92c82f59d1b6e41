import type { ClientCodec, LiveFrame, RequestInit, Response } from '../../connection/request.ts';
import type { QanatError } from '../../errors.ts';
import { ADMINISTRATION_REQUESTS } from '../../wire/gen/administration-messages.ts';
import { REPLICATION_REQUESTS } from '../../wire/gen/replication-messages.ts';
import type { ClientHost } from '../host.ts';

export interface BrokerAnswer<N extends LiveFrame> {
  readonly broker: string;
  readonly error: QanatError | undefined;
  readonly response: Response<N>;
}

const CODECS: Partial<Readonly<Record<LiveFrame, ClientCodec>>> = { ...ADMINISTRATION_REQUESTS, ...REPLICATION_REQUESTS };

/** Sends one request to each of several brokers; `done` has every answer, in the order of `brokers`. */
export function askBrokers<N extends LiveFrame>(
  host: ClientHost,
  brokers: readonly string[],
  name: N,
  header: RequestInit<N>,
  timeoutMs: number,
  done: (answers: readonly BrokerAnswer<N>[]) => void,
): void {
  const answers = new Array<BrokerAnswer<N>>(brokers.length);
  let open = brokers.length;
  if (open === 0) return done([]);
  const codec = CODECS[name];
  const options = codec === undefined ? { timeoutMs } : { timeoutMs, codec };
  brokers.forEach((broker, i) => {
    host.request(broker, name, header, options, (error, response) => {
      answers[i] = { broker, error, response };
      if (--open === 0) done(answers);
    });
  });
}
