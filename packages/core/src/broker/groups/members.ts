import type { ServerSession } from '../../connection/server-session.ts';
import { compareTexts } from '../../model/text-order.ts';
import { Silence, type Timer } from '../../timers.ts';
import type { GroupEnv } from './group-env.ts';

/** One member of a group, in memory only. */
export interface Member {
  readonly id: string;
  label: string;
  /** Where its last heartbeat came from, while that connection is open. */
  session: ServerSession | undefined;
  readonly silence: Silence;
  sessionMs: number;
  /** Of its subscription, as it numbers them; undefined until it sent one in this life of the broker. */
  revision: number | undefined;
  /** What it subscribes to: see subscriptionText. */
  text: string;
  /** Of its subscription. */
  version: number;
  /** When it joined its group, on the monotonic clock: the earliest that it said. */
  joinedMs: number;
  generation: number;
  /** What it holds is no longer what stands under its generation. */
  changed: boolean;
  /** By the last target it gets no queue at any broker. */
  idle: boolean;
  /** Known only by its leases from before a restart: it has not been heard of since. */
  restored: boolean;
  expiry: Timer;
  lost: Timer | undefined;
}

/** The order of members that targets are made in (spec, chapter of groups). */
export const byLabel = (a: Member, b: Member): number => compareTexts(a.label, b.label) || compareTexts(a.id, b.id);

/** The members of one group that are alive: heard within their session, and not without a connection for long. */
export class Members {
  readonly #env: GroupEnv;
  readonly #gone: (member: Member, why: string) => void;
  readonly #byId = new Map<string, Member>();

  constructor(env: GroupEnv, gone: (member: Member, why: string) => void) {
    this.#env = env;
    this.#gone = gone;
  }

  get size(): number {
    return this.#byId.size;
  }

  get(id: string): Member | undefined {
    return this.#byId.get(id);
  }

  all(): IterableIterator<Member> {
    return this.#byId.values();
  }

  /** Those with this subscription, sorted by label, then id. */
  sorted(text: string): Member[] {
    return [...this.#byId.values()].filter((member) => member.text === text).sort(byLabel);
  }

  add(id: string, label: string, text: string, sessionMs: number): Member {
    const nowMs = this.#nowMs();
    const member: Member = {
      id,
      label,
      session: undefined,
      silence: new Silence(this.#env.host.engine.timers, nowMs),
      sessionMs,
      revision: undefined,
      text,
      version: 0,
      joinedMs: nowMs,
      generation: this.#env.nextGeneration(),
      changed: false,
      idle: false,
      restored: false,
      expiry: NO_TIMER,
      lost: undefined,
    };
    this.#byId.set(id, member);
    this.#env.population.size++;
    this.#watch(member);
    return member;
  }

  /** A heartbeat came: the member lives, and where the heartbeat came from is where it is. */
  heard(member: Member, session: ServerSession, sessionMs: number): void {
    member.silence.heard(this.#nowMs());
    if (sessionMs < member.sessionMs) {
      member.sessionMs = sessionMs;
      this.#watch(member);
    }
    member.sessionMs = sessionMs;
    member.lost?.cancel();
    member.lost = undefined;
    if (member.session === session) return;
    if (member.session !== undefined) this.#env.detach(member.session, member);
    member.session = session;
    this.#env.attach(session, member, () => this.#disconnected(member));
  }

  remove(member: Member): void {
    member.expiry.cancel();
    member.lost?.cancel();
    if (member.session !== undefined) this.#env.detach(member.session, member);
    member.session = undefined;
    if (this.#byId.delete(member.id)) this.#env.population.size--;
  }

  #disconnected(member: Member): void {
    member.session = undefined;
    const dueMs = this.#nowMs() + this.#env.options.lostMs;
    member.lost = this.#env.at(dueMs, () => this.#lose(member, 'its connection is lost'), { forPeer: true });
  }

  /** One timer per member: it runs a session after the member was heard when it was set, and looks whether it was heard since. */
  #watch(member: Member): void {
    member.expiry.cancel();
    member.expiry = this.#env.at(member.silence.endsMs(member.sessionMs), () => this.#expire(member), { forPeer: true });
  }

  #expire(member: Member): void {
    if (this.#nowMs() < member.silence.endsMs(member.sessionMs)) this.#watch(member);
    else this.#lose(member, 'it is silent');
  }

  #lose(member: Member, why: string): void {
    this.remove(member);
    this.#gone(member, why);
  }

  #nowMs(): number {
    return this.#env.host.engine.nowMs();
  }
}

const NO_TIMER: Timer = { cancel() {} };
