import type { Claimed, ClaimRefusal, ClaimRequest, Cluster } from '../ports.ts';

export interface Claim {
  readonly request: ClaimRequest;
  /** Called only while it is wanted. */
  readonly done: (answer: Claimed | ClaimRefusal) => void;
  /** A newer connection of the same client and principal has come. */
  readonly giveUp: () => void;
}

interface Running {
  readonly claim: Claim;
  /** One for each principal. */
  readonly next: Claim[];
}

/**
 * Claims of sessions, one at a time for each client: a session that was claimed for a connection which is gone meanwhile is given
 * back, with what the cluster said of it, before it is claimed for the next one. Only a newer one of the same principal ends one
 * that waits.
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
    const isOlder = ({ request }: Claim): boolean => request.principal === claim.request.principal;
    const at = running.next.findIndex(isOlder);
    const older = at >= 0 ? running.next.splice(at, 1)[0] : [running.claim].find(isOlder);
    running.next.push(claim);
    if (older?.request.wanted()) older.giveUp();
  }

  #start(claim: Claim): void {
    const running: Running = { claim, next: [] };
    this.#running.set(claim.request.clientId, running);
    this.#cluster.claim(claim.request, (answer) => this.#done(running, answer));
  }

  #done({ claim, next }: Running, answer: Claimed | ClaimRefusal): void {
    this.#running.delete(claim.request.clientId);
    if (claim.request.wanted()) claim.done(answer);
    else if (typeof answer !== 'string') this.#giveBack(claim.request, answer);
    this.#goOn(next);
  }

  /** The next one that is still wanted, and behind it all others. */
  #goOn(waiting: readonly Claim[]): void {
    for (const claim of waiting) if (claim.request.wanted()) this.claim(claim);
  }

  /** CONNACK never left, so there is no will yet [MQTT-3.1.2-7]. */
  #giveBack({ clientId, expiryInterval }: ClaimRequest, { epoch, backlog }: Claimed): void {
    this.#cluster.suspend(clientId, epoch, { expiryInterval, discardWill: true, backlog });
  }
}
