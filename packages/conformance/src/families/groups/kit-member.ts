import { Assignment, ClientHeartbeatOk, decodeFrame, Flag, FrameType } from '@qanat/core';
import type { Header } from '../../history/view.ts';
import type { Json, JsonObject } from '../../json.ts';
import type { KitConnection } from '../../play/kit-connection.ts';
import type { Play } from '../../play/play.ts';

export interface HeldLease {
  readonly topic: string;
  readonly queue: number;
  readonly epoch: number;
  readonly releasing: boolean;
  /** The offset of the next message. */
  position: number;
}

/** A member of a group that the kit plays. */
export interface KitMember {
  readonly group: string;
  readonly id: string;
  label: string;
  sessionMs: number;
  revision: number;
  subscription: Json;
  connection: KitConnection | undefined;
  /** What it has taken of the assignments. */
  generation: number;
  leases: HeldLease[];
  heartbeatMs: number;
  nextBeatMs: number;
  readonly joinedMs: number;
  /** Its next heartbeat bears its subscription. */
  tells: boolean;
  /** What it does by itself while time passes. */
  beats: boolean;
  releases: boolean;
}

/** What a kit that plays members knows in one run of a program. */
export class KitGroups {
  readonly members: KitMember[] = [];
  /** Queues of the topics that were made, by their names in the program. */
  readonly queues = new Map<string, number>();
  operator: KitConnection | undefined;
  readonly #play: Play;
  readonly #asked = new Map<string, KitMember>();
  readonly #pages = new Map<string, Header[]>();
  #cursor = 0;

  constructor(play: Play) {
    this.#play = play;
  }

  get news(): boolean {
    return this.#cursor < this.#play.history.events.length;
  }

  /** A member by its name, or by its number modulo how many there are. */
  member(selector: Json | undefined): KitMember | undefined {
    if (typeof selector === 'string') return this.members.find(({ id }) => id === selector);
    const number = typeof selector === 'number' ? selector : 0;
    return this.members[number % Math.max(1, this.members.length)];
  }

  /** An answer under this number is for this member. */
  asked(connection: KitConnection, correlation: number, member: KitMember): void {
    this.#asked.set(`${connection.number} ${correlation}`, member);
  }

  /** Takes what has come since the last time. */
  read(): void {
    const { events } = this.#play.history;
    for (; this.#cursor < events.length; this.#cursor++) {
      const event = events[this.#cursor];
      if (event?.kind === 'frame' && event.from === 'subject') this.#take(event.connection, event.bytes);
    }
  }

  #take(connection: number, bytes: Uint8Array): void {
    const { type, flags, correlation, control } = decodeFrame(bytes);
    try {
      if (type === FrameType.ASSIGNMENT && (flags & Flag.ONEWAY) !== 0) {
        this.#assigned(`${connection}`, Assignment.decode(control), (flags & Flag.MORE) !== 0);
      } else if (type === FrameType.CLIENT_HEARTBEAT && (flags & Flag.RESPONSE) !== 0 && (flags & Flag.ERROR) === 0) {
        const member = this.#asked.get(`${connection} ${correlation}`);
        if (member !== undefined)
          this.#answered(member, ClientHeartbeatOk.decode(control), `${connection} ${correlation}`, (flags & Flag.MORE) !== 0);
      }
    } catch {
      // The checkers say what is wrong with it.
    }
  }

  #answered(member: KitMember, answer: Header, key: string, more: boolean): void {
    if (answer.heartbeatMs > 0) member.heartbeatMs = answer.heartbeatMs;
    if (answer.wantSubscription) {
      member.tells = true;
      member.nextBeatMs = this.#play.nowMs();
    }
    if (answer.assignment !== undefined) this.#assigned(key, answer.assignment, more);
  }

  #assigned(key: string, page: Header, more: boolean): void {
    const pages = [...(this.#pages.get(key) ?? []), page];
    this.#pages.set(key, pages);
    if (more) return;
    this.#pages.delete(key);
    const member = this.members.find(({ group, id }) => group === page.group && id === page.member);
    if (member === undefined || page.generation < member.generation) return;
    member.generation = page.generation;
    const had = member.leases;
    member.leases = pages
      .flatMap(({ leases }) => leases)
      .map(({ topic, queue, epoch, startOffset, state }: Header) => ({
        topic,
        queue,
        epoch,
        releasing: state === 1,
        position: had.find((one) => one.topic === topic && one.queue === queue && one.epoch === epoch)?.position ?? startOffset,
      }));
  }
}

const all = new WeakMap<Play, KitGroups>();

export function groupsOf(play: Play): KitGroups {
  const known = all.get(play) ?? new KitGroups(play);
  all.set(play, known);
  return known;
}

/** The offsets of leases, for OFFSET_COMMIT, RELEASE and LEAVE. */
export const offsetsOf = (leases: readonly HeldLease[]): JsonObject[] =>
  leases.map(({ topic, queue, epoch, position }) => ({ topic, queue, offset: position, leaseEpoch: epoch }));
