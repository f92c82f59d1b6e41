import type { LiveFrame } from '../connection/request.ts';
import type { EngineHost } from '../context.ts';
import { hostOf } from '../host-port.ts';
import { checkBegin, checkRights } from './access.ts';
import { Meter } from './meter.ts';
import type { Principal } from './principal.ts';
import { RefusalLog } from './refusal-log.ts';
import { ServerAuthentication } from './server-authentication.ts';
import type { ServerSecurity } from './server-security.ts';
import type { UserTable } from './user-table.ts';

/** The one place where a server that asks who its clients are decides: who comes in, what he may do, and how much of it. */
export class Door implements ServerSecurity {
  readonly #host: EngineHost;
  readonly #cluster: string;
  readonly #nonce: () => string;
  #users: UserTable;
  readonly #meters = new Map<string, Meter>();
  readonly #refusals: RefusalLog;

  /** @param cluster the resource of rights on the cluster. */
  constructor(host: EngineHost, security: ServerSecurity, cluster: string) {
    this.#host = host;
    this.#users = security.users;
    this.#nonce = () => security.nonce();
    this.#cluster = cluster;
    this.#refusals = new RefusalLog((event, fields) => host.log('warn', event, fields));
  }

  get users(): UserTable {
    return this.#users;
  }

  set users(users: UserTable) {
    this.#users = users;
    for (const name of this.#meters.keys()) if (users.find(name) === undefined) this.#meters.delete(name);
  }

  nonce(): string {
    return this.#nonce();
  }

  authentication(certificateNames: readonly string[] | undefined): ServerAuthentication {
    return new ServerAuthentication(this, certificateNames);
  }

  /** Whether what is known of the principal is still so. */
  isCurrent(principal: Principal): boolean {
    return this.users.find(principal.name)?.text === principal.text;
  }

  /** What the principal has used; undefined where it has no limit. */
  meterOf({ name, rate }: Principal): Meter | undefined {
    if (rate.requestsPerSecond === 0 && rate.bytesPerSecond === 0) return undefined;
    const known = this.#meters.get(name);
    if (known !== undefined) return known;
    const meter = new Meter(rate, this.#host.nowMs());
    this.#meters.set(name, meter);
    return meter;
  }

  /** @throws QanatError FORBIDDEN. */
  checkBegin(principal: Principal, name: LiveFrame): void {
    checkBegin(principal, name);
  }

  /** @throws QanatError FORBIDDEN. */
  checkRights(principal: Principal, name: LiveFrame, header: unknown): void {
    checkRights(principal, name, header, this.#cluster);
  }

  /** Tells the operator of a refusal; the same one of the same host once a minute. */
  refused(event: string, remote: string, why: string): void {
    this.#refusals.tell(this.#host.nowMs(), event, `${hostOf(remote)} ${why}`, { remote, why });
  }
}
