import type { FrameSeen } from '../../history/view.ts';
import { asked, type ClientRun, clientOf, endOfConnection, type Facts, isBroker, once } from '../clients/facts.ts';
import { readSent } from './sent-batch.ts';

const CODES = ['UNKNOWN_PRODUCER', 'PRODUCER_FENCED', 'SEQUENCE_CONFLICT'] as const;
export type LossCode = (typeof CODES)[number];

/** A producer was told that its id is of no use any more. */
export interface Loss {
  readonly code: LossCode;
  readonly node: string;
  readonly id: number;
  readonly epoch: number;
  /** The answer that says so. */
  readonly at: FrameSeen;
  readonly client: ClientRun | undefined;
  /** The connection went on for long enough for the answer to be read. */
  readonly wasRead: boolean;
}

/** INIT_PRODUCER of the subject. */
export interface Init {
  readonly node: string;
  readonly request: FrameSeen;
  readonly response: FrameSeen | undefined;
  readonly asked: { readonly id: number; readonly epoch: number };
  readonly given: { readonly id: number; readonly epoch: number } | undefined;
  readonly client: ClientRun | undefined;
}

export const initsOf = once((facts: Facts): readonly Init[] =>
  facts.connections
    .filter(({ node }) => isBroker(node))
    .flatMap((connection) =>
      asked(connection)
        .filter(({ name, header }) => name === 'INIT_PRODUCER' && header !== undefined)
        .map(({ request, header, response, answer, code }) => ({
          node: connection.node,
          request,
          response,
          asked: { id: header.producerId, epoch: header.epoch },
          given: code !== undefined || answer === undefined ? undefined : { id: answer.producerId, epoch: answer.epoch },
          client: clientOf(facts, connection),
        })),
    )
    .sort((a, b) => a.request.index - b.request.index),
);

export const lossesOf = once((facts: Facts): readonly Loss[] => {
  const found: Loss[] = [];
  for (const connection of facts.connections) {
    if (!isBroker(connection.node)) continue;
    for (const { name, request, response, code, header } of asked(connection)) {
      if (response === undefined || !CODES.includes(code as LossCode) || header === undefined) continue;
      if (name !== 'SEND' && name !== 'INIT_PRODUCER') continue;
      const sent = name === 'SEND' ? readSent(request.payload) : undefined;
      const id = sent?.producerId ?? header.producerId;
      // Who asks for an id has none to lose.
      if (id === 0) continue;
      found.push({
        code: code as LossCode,
        node: connection.node,
        id,
        epoch: sent?.epoch ?? header.epoch & 0xffff,
        at: response,
        client: clientOf(facts, connection),
        wasRead: endOfConnection(facts, connection).ms > response.atMs + facts.view.slackMs,
      });
    }
  }
  return found.sort((a, b) => a.at.index - b.at.index);
});
