import type { Claimed, ClaimRefusal, ClaimRequest, Cluster } from '../ports.ts';

export interface Claim {
  readonly request: ClaimRequest;
  /** Whether its connection still stands. */
  readonly wanted: () => boolean;
  /** Called only while it is wanted. */
  readonly done: (answer: Claimed | ClaimRefusal) => void;
  /** A newer connection of the same client has come. */
  readonly giveUp: () => void;
}

interface Running {
  readonly claim: Claim;
  next: Claim | undefined;
}

/**
 * Claims of sessions, one at a time for each client: a session that was claimed for a connection which is gone meanwhile is given
 * back, with what the cluster said of it, before it is claimed for the next one.
 */
export class Claims {
  readonly #cluster: Cluster;
  readonly #running = new Map<string, Running>();

  constructor(cluster: Cluster) {
    this.#cluster = cluster;
  }

  claim(claim: Claim): void {
    const running = this.#running.get(claim.request.clientId);
    if (running === undefined) return this.#start(claim);
    const older = running.next ?? running.claim;
    running.next = claim;
    if (older.wanted()) older.giveUp();
  }

  #start(claim: Claim): void {
    const running: Running = { claim, next: undefined };
    this.#running.set(claim.request.clientId, running);
    this.#cluster.claim(claim.request, (answer) => this.#done(running, answer));
  }

  #done({ claim, next }: Running, answer: Claimed | ClaimRefusal): void {
    this.#running.delete(claim.request.clientId);
    if (claim.wanted()) claim.done(answer);
    else if (typeof answer !== 'string') this.#giveBack(claim.request, answer);
    if (next?.wanted()) this.#start(next);
  }

  /** CONNACK never left, so there is no will yet [MQTT-3.1.2-7]. */
  #giveBack({ clientId, expiryInterval }: ClaimRequest, { epoch, backlog }: Claimed): void {
    this.#cluster.suspend(clientId, epoch, { expiryInterval, discardWill: true, backlog });
  }
}
