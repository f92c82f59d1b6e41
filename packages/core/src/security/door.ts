import type { LiveFrame } from '../connection/request.ts';
import type { EngineHost } from '../context.ts';
import type { LogFields } from '../engine.ts';
import { checkBegin, checkRights } from './access.ts';
import { Meter } from './meter.ts';
import type { Principal } from './principal.ts';
import { ServerAuthentication } from './server-authentication.ts';
import type { ServerSecurity } from './server-security.ts';
import type { UserTable } from './user-table.ts';

/** Lines about refused peers in a second; peers can make as many refusals as they like. */
export const REFUSAL_LINES_PER_SECOND = 10;

/** The one place where a server that asks who its clients are decides: who comes in, what he may do, and how much of it. */
export class Door implements ServerSecurity {
  readonly #host: EngineHost;
  readonly #cluster: string;
  readonly #nonce: () => string;
  #users: UserTable;
  readonly #meters = new Map<string, Meter>();
  #lines = 0;
  #unsaid = 0;
  #secondMs = 0;

  /** @param cluster the resource of rights on the cluster. */
  constructor(host: EngineHost, security: ServerSecurity, cluster: string) {
    this.#host = host;
    this.#users = security.users;
    this.#nonce = () => security.nonce();
    this.#cluster = cluster;
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

  /** Tells the operator of a refusal, at most REFUSAL_LINES_PER_SECOND times; the next line says how many were left out. */
  refused(event: string, fields: LogFields): void {
    const nowMs = this.#host.nowMs();
    if (nowMs - this.#secondMs >= 1_000) {
      this.#secondMs = nowMs;
      this.#lines = 0;
    }
    if (this.#lines === REFUSAL_LINES_PER_SECOND) {
      this.#unsaid++;
      return;
    }
    this.#lines++;
    this.#host.log('warn', event, this.#unsaid === 0 ? fields : { ...fields, unsaid: this.#unsaid });
    this.#unsaid = 0;
  }
}
