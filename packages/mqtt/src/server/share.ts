import type { QoS } from '../codec/packet.ts';
import type { SessionSubscription, ShareId, StoredPublication } from '../ports.ts';
import { lower } from './outbound-publish.ts';
import type { Session } from './session.ts';

export interface Member {
  readonly session: Session;
  subscription: SessionSubscription;
}

export interface Given {
  readonly message: StoredPublication;
  readonly settle: (done: boolean) => void;
}

/** A shared subscription with the sessions here that have it. */
export class Share {
  readonly id: ShareId;
  readonly members: Member[] = [];
  /** Given by the cluster, for which no member has room. */
  waiting: Given[] = [];
  /** Messages of QoS 2 of which the cluster is writing down that a session has them. */
  recording = 0;
  #turn = 0;

  constructor(id: ShareId) {
    this.id = id;
  }

  /** The next member by turns that can be sent a message of this QoS now. */
  next(message: StoredPublication): Member | undefined {
    for (let i = 0; i < this.members.length; i++) {
      const at = (this.#turn + i) % this.members.length;
      const member = this.members[at] as Member;
      if (!canTake(member, message)) continue;
      this.#turn = at + 1;
      return member;
    }
    return undefined;
  }
}

/** The QoS at which a member is sent a message [MQTT-4.8.2-3]. */
export const qosFor = ({ subscription }: Member, { qos }: StoredPublication): QoS => lower(qos, subscription.qos);

function canTake(member: Member, message: StoredPublication): boolean {
  const { session } = member;
  return session.connection.open && (qosFor(member, message) === 0 ? !session.connection.blocked : session.hasRoom);
}
