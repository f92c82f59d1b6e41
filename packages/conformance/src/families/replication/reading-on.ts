import { ReplicaRole } from '@qanat/core';
import type { ConnectionSeen } from '../../history/view.ts';
import type { ClientRun, Facts, Place } from '../clients/facts.ts';
import { type PullItem, type PullSeen, pullsOf } from '../consumer/pulls.ts';

/** One queue of a PULL, of whichever replica it was asked. */
export interface Asked extends PullItem {
  readonly pull: PullSeen;
}

export const isSlave = ({ helloOk }: ConnectionSeen): boolean => helloOk?.replicaRole === ReplicaRole.SLAVE;

export const atSlave = ({ exchange }: PullSeen): boolean => isSlave(exchange.connection);

/** What a consumer asks of queues, in order. */
export const askedBy = ({ view }: Facts, run: ClientRun): readonly Asked[] =>
  pullsOf(view)
    .filter((pull) => pull.run === run)
    .flatMap((pull) => pull.items.map((item) => ({ ...item, pull })));

export const sameQueue = (a: PullItem, b: PullItem): boolean => a.topic === b.topic && a.queue === b.queue;

/** Times without the master of a group that some slave outlives. */
export const mastersAway = ({ outages, connections }: Facts): readonly { node: string; from: Place; to: Place }[] =>
  outages.filter(({ node, from }) =>
    connections.some((one) => one.node === node && one.helloOk !== undefined && !isSlave(one) && one.openedAtMs < from.ms),
  );
