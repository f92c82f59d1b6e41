import type { Request } from '../connection/server-session.ts';
import type { PullResultInit } from '../wire/gen/consuming-messages.ts';
import type { QueueWaiter, Topic, TopicQueue } from './topic.ts';

/** One queue that a PULL asks for. */
export interface PollQueue {
  readonly topicName: string;
  readonly topic: Topic | undefined;
  readonly place: TopicQueue | undefined;
  readonly queue: number;
  readonly leaseEpoch: number;
  /** Infinity for no limit of its own. */
  readonly bytesMax: number;
  /** Checksums of the tags that pass; undefined for everything. */
  readonly filter: ReadonlySet<number> | undefined;
  /** As the client asked. */
  readonly from: number;
  /** Where to read on: behind what was found not to pass, or is in the answer. */
  offset: number;
  /** The answer has a result for it. */
  answered: boolean;
}

/** One PULL until it is answered. It is looked at whenever something may have come, and reads one queue after the other. */
export class Poll implements QueueWaiter {
  readonly request: Request<'PULL'>;
  readonly queues: readonly PollQueue[];
  /** When it is answered whatever there is. */
  readonly dueMs: number;
  readonly bytesMax: number;
  /** It waits at its queues. */
  parked = false;
  /** It waits for its connection to be drained. */
  held = false;
  /** A look is under way. */
  reading = false;
  /** Something came while it was looked at. */
  again = false;
  /** A lease ended while it was looked at: what was read may not be given away. */
  fenced = false;
  /** The next look ends it. */
  final: boolean;
  done = false;
  /** Bytes that filters looked at. */
  scannedBytes = 0;

  // The present look.
  start = 0;
  visited = 0;
  full = false;
  results: PullResultInit[] = [];
  parts: Uint8Array[] = [];
  payloadBytes = 0;
  controlBytes = 0;

  readonly #look: (poll: Poll) => void;

  constructor(
    request: Request<'PULL'>,
    queues: readonly PollQueue[],
    dueMs: number,
    bytesMax: number,
    look: (poll: Poll) => void,
  ) {
    this.#look = look;
    this.request = request;
    this.queues = queues;
    this.dueMs = dueMs;
    this.bytesMax = bytesMax;
    this.final = request.header.waitMs === 0;
  }

  look(): void {
    this.#look(this);
  }

  /** One that comes with the same number on the same connection replaces it. */
  get number(): number {
    return this.request.header.poll;
  }

  get group(): string {
    return this.request.header.group;
  }

  begin(start: number): void {
    this.start = start;
    this.visited = 0;
    this.full = false;
    this.results = [];
    this.parts = [];
    this.payloadBytes = 0;
    this.controlBytes = 0;
    for (const queue of this.queues) queue.answered = false;
  }

  /** Forgets what was read and not answered. */
  rewind(): void {
    for (const queue of this.queues) queue.offset = queue.from;
    this.scannedBytes = 0;
    this.begin(0);
  }
}
