import { codeNumber, type ErrorCode, LIMITS, nameError } from '@qanat/core';
import type { Exchange, FrameSeen, Header, View } from '../../history/view.ts';

/** One lease as an assignment tells it. */
export interface LeaseTold {
  readonly topic: string;
  readonly queue: number;
  readonly epoch: number;
  readonly start: number;
  readonly releasing: boolean;
}

/** One whole assignment that the subject told, by an answer or by a push; several pages are one. */
export interface Telling {
  /** The last page. */
  readonly frame: FrameSeen;
  readonly life: number;
  readonly group: string;
  readonly member: string;
  readonly generation: number;
  readonly members: number;
  readonly queues: number;
  readonly idle: boolean;
  readonly leases: readonly LeaseTold[];
  readonly pushed: boolean;
}

/** A CLIENT_HEARTBEAT of the kit. */
export interface Beat {
  readonly exchange: Exchange;
  /** Place and time of the request. */
  readonly at: number;
  readonly sentMs: number;
  /** Place and time of the answer; behind everything while there is none. */
  readonly answeredAt: number;
  readonly answeredMs: number;
  readonly life: number;
  readonly group: string;
  readonly member: string;
  readonly label: string;
  readonly subscription: Header;
  readonly code: string | undefined;
  /** Answered, and by that it is a member. */
  readonly accepted: boolean;
  /** The broker may have taken it for a sign of life. */
  readonly counts: boolean;
  /** How long its silence may last. */
  readonly sessionMs: number;
  readonly telling: Telling | undefined;
}

/** RELEASE or LEAVE of the kit. */
export interface Give {
  readonly exchange: Exchange;
  readonly kind: 'RELEASE' | 'LEAVE';
  readonly at: number;
  readonly answeredAt: number;
  readonly life: number;
  readonly group: string;
  readonly member: string;
  readonly offsets: readonly {
    readonly topic: string;
    readonly queue: number;
    readonly offset: number;
    readonly leaseEpoch: number;
  }[];
  /** Answered without ERROR. */
  readonly done: boolean;
}

/** One queue of a PULL or OFFSET_COMMIT of a group. */
export interface Use {
  readonly exchange: Exchange;
  readonly kind: 'PULL' | 'OFFSET_COMMIT';
  readonly at: number;
  readonly answeredAt: number;
  readonly life: number;
  readonly group: string;
  readonly member: string;
  readonly topic: string;
  readonly queue: number;
  readonly epoch: number;
  /** The number of the code of this queue; undefined when nothing can be said of it. */
  readonly code: number | undefined;
}

export const NEVER: number = Number.POSITIVE_INFINITY;

export const codeOf = (name: ErrorCode): number => codeNumber(name);

const classOf = (code: string): number => {
  const number = /^\d+$/.test(code) ? Number(code) : codeNumber(code as ErrorCode);
  return Math.floor(number / 1_000);
};

/** What a broker may answer to anything: it stops, is busy, its store fails, a limit of its own is reached. */
export const excused = (code: string | undefined): boolean =>
  code !== undefined && (code === 'LIMIT_EXCEEDED' || [1, 3, 5, 6, 7].includes(classOf(code)));

/** A request of the kit that has nothing wrong but what its header may say. */
export function isPlain({ connection, request, requests, header }: Exchange): boolean {
  if (request.from !== 'kit' || connection.openedBy !== 'kit' || connection.helloOk === undefined) return false;
  if ((connection.hello?.response?.index ?? NEVER) > request.index) return false;
  return requests.length === 1 && request.flags === 0 && request.correlation % 2 === 1 && header !== undefined;
}

/** The connection was told to end, or broke, before a request was sent on it. */
export const isLeaving = ({ connection, request }: Exchange): boolean =>
  connection.closedIndex < request.index || connection.goAways.some((goAway) => goAway.index < request.index);

/** It was answered with an error after which nothing of it has happened. */
export const isRefused = ({ code }: { readonly code: string | undefined }): boolean => code !== undefined && classOf(code) !== 6;

export const isName = (name: string, most: number = LIMITS.GROUP_NAME_BYTES_MAX): boolean => nameError(name, most) === undefined;

/** Leases in the order of their queues. */
const sorted = (leases: readonly LeaseTold[]): LeaseTold[] =>
  [...leases].sort((a, b) => (a.topic === b.topic ? a.queue - b.queue : a.topic < b.topic ? -1 : 1));

const leaseTold = ({ topic, queue, epoch, startOffset, state }: Header): LeaseTold => ({
  topic,
  queue,
  epoch,
  start: startOffset,
  releasing: state === 1,
});

/** Joins the pages of one assignment. */
export function tellingOf(pages: readonly Header[], frame: FrameSeen, life: number, pushed: boolean): Telling | undefined {
  const [first] = pages;
  if (first === undefined) return undefined;
  const { group, member, generation, members, queues, idle } = first;
  const leases = sorted(pages.flatMap((page) => page.leases.map(leaseTold)));
  return { frame, life, group, member, generation, members, queues, idle, leases, pushed };
}

/** Everything that an assignment says, for comparing. */
export const textOfTelling = ({ members, queues, idle, leases }: Telling): string =>
  JSON.stringify([
    members,
    queues,
    idle,
    leases.map(({ topic, queue, epoch, start, releasing }) => [topic, queue, epoch, start, releasing]),
  ]);

/** ASSIGNMENT pushes, with MORE several frames each. */
export function pushesOf(view: View, lifeAt: (index: number) => number): Telling[] {
  const begun = new Map<number, Header[]>();
  const pushes: Telling[] = [];
  for (const frame of view.oneWays('ASSIGNMENT', 'subject')) {
    if (frame.header === undefined) continue;
    const pages = [...(begun.get(frame.connection.number) ?? []), frame.header];
    begun.set(frame.connection.number, pages);
    if (frame.more) continue;
    begun.delete(frame.connection.number);
    const telling = tellingOf(pages, frame, lifeAt(frame.index), true);
    if (telling !== undefined) pushes.push(telling);
  }
  return pushes;
}

export const hasLease = ({ leases }: Telling, topic: string, queue: number, epoch: number): LeaseTold | undefined =>
  leases.find((one) => one.topic === topic && one.queue === queue && one.epoch === epoch);

export const queueName = ({ topic, queue }: { readonly topic: string; readonly queue: number }): string => `${topic}/${queue}`;
