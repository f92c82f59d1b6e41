import { isObject, type JsonObject } from '../../json.ts';
import { numberOf, objectOf, textOf } from '../../play/program.ts';
import { type ClientRun, type Facts, once } from '../clients/facts.ts';

/** A message that the application was given, or has handled. */
export interface Delivery {
  readonly index: number;
  readonly ms: number;
  readonly run: ClientRun;
  /** topic/broker/queue */
  readonly key: string;
  readonly topic: string;
  readonly broker: string;
  readonly queue: number;
  readonly offset: number;
  readonly body: string;
  readonly tag: string;
  readonly messageKey: string;
  readonly properties: JsonObject;
}

export const keyOf = (topic: string, broker: string, queue: number): string => `${topic}/${broker}/${queue}`;

/** The run of a client to which an event belongs: the last one that was started before it. */
export const runOf = ({ clients }: Facts, name: string, index: number): ClientRun | undefined =>
  clients.findLast((run) => run.name === name && run.start.index < index);

function toldOf(facts: Facts, event: string): readonly Delivery[] {
  return facts.view.told(event).flatMap(({ args, client, index, atMs }) => {
    const run = runOf(facts, client, index);
    if (run === undefined || !isObject(args) || index >= facts.end.index) return [];
    const [topic, broker, queue] = [textOf(args, 'topic'), textOf(args, 'broker'), numberOf(args, 'queue', 0)];
    return [
      {
        index,
        ms: atMs,
        run,
        key: keyOf(topic, broker, queue),
        topic,
        broker,
        queue,
        offset: numberOf(args, 'offset', -1),
        body: textOf(args, 'body'),
        tag: textOf(args, 'tag'),
        messageKey: textOf(args, 'key'),
        properties: objectOf(args, 'properties'),
      },
    ];
  });
}

export const deliveriesOf = once((facts: Facts) => toldOf(facts, 'delivered'));
export const handledOf = once((facts: Facts) => toldOf(facts, 'handled'));

/** What handlers of a client do with messages, from a place on. */
interface Policy {
  readonly index: number;
  readonly policy: JsonObject;
}

const policies = once((facts: Facts) => {
  const found = new Map<ClientRun, Policy[]>();
  for (const run of facts.clients) found.set(run, [{ index: run.start.index, policy: objectOf(run.args, 'policy') }]);
  for (const { call } of facts.view.calls('policy')) {
    const args = isObject(call.args) ? call.args : {};
    const run = runOf(facts, textOf(args, 'client', 'c'), call.index);
    if (run !== undefined) found.get(run)?.push({ index: call.index, policy: objectOf(args, 'policy') });
  }
  return found;
});

/** Policies of a client that hold somewhere between two places. */
export const policiesOf = ({ view }: Facts, run: ClientRun, from: number, to: number): readonly JsonObject[] =>
  (policies(view).get(run) ?? [])
    .filter(({ index }, i, all) => index <= to && (all[i + 1]?.index ?? Number.POSITIVE_INFINITY) >= from)
    .map(({ policy }) => policy);

/** Whether handlers of a client end at once and well. */
export const isPlain = (facts: Facts, run: ClientRun, from = 0, to = Number.POSITIVE_INFINITY): boolean =>
  policiesOf(facts, run, from, to).every((policy) => policy.hang !== true && !policy.slow && !policy.fail);

/** Whether handlers of a client may fail. */
export const mayFail = (facts: Facts, run: ClientRun): boolean =>
  policiesOf(facts, run, 0, Number.POSITIVE_INFINITY).some(({ fail }) => typeof fail === 'number' && fail > 0);

/** Whether the driver tells what its subject says of itself. */
export const tellsEvents = once(({ view }: Facts) =>
  view.of('told').some(({ event }) => event === 'connected' || event === 'assigned' || event === 'revoked'),
);

/** Whether the driver tells when a handler has ended. */
export const tellsHandled = once(({ view }: Facts) => view.told('handled').length > 0);
