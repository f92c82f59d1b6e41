import { WIRE_ERRORS, type WireErrorCode } from './wire/gen/registry.ts';

interface LocalError {
  readonly retryable: boolean;
  /** Default `rejected`. */
  readonly outcome?: Outcome;
  readonly hint: string;
}

/** Codes that never travel: what goes wrong at the caller's own side. */
const LOCAL_ERRORS = {
  TIMEOUT: { retryable: true, outcome: 'unknown', hint: 'give the call more time, or look at the broker' },
  ABORTED: { retryable: false, hint: 'the signal of the call was aborted' },
  CLOSED: { retryable: false, hint: 'the client, producer or consumer was closed' },
  CONNECTION_FAILED: { retryable: true, outcome: 'not-sent', hint: 'check that a server listens at the address' },
  CONNECTION_LOST: { retryable: true, outcome: 'unknown', hint: 'the connection broke while the request was under way' },
  // A certificate may be renewed on either side, so that the next attempt can succeed.
  TLS_FAILED: { retryable: true, outcome: 'not-sent', hint: 'compare the certificates and addresses of both sides' },
  NO_BROKER: { retryable: true, hint: 'no broker of the topic can be reached' },
  BAD_CONFIG: { retryable: false, hint: 'correct the setting that the message names' },
  QUEUE_FULL: { retryable: true, hint: 'more bytes wait to be sent than the client allows: wait for sends to settle' },
  CORRUPT_LOG: { retryable: false, hint: 'durable data is damaged; nothing was changed' },
  STORE_LOCKED: { retryable: false, hint: 'another process uses the directory' },
  STORE_IO: { retryable: false, hint: 'the file system failed; see the cause' },
  RECOVERY_REQUIRED: {
    retryable: false,
    hint: 'bring back a replica that has everything, or accept that acknowledged messages are lost',
  },
  RESTART_REQUIRED: {
    retryable: true,
    hint: 'start the process again: the replica takes what it lacks from its master',
  },
  REPLICA_TAKEN: { retryable: false, hint: 'stop the other process, or give this replica a number of its own' },
  INTERNAL: { retryable: false, hint: 'this is a defect of Qanat: please report it' },
} as const satisfies Record<string, LocalError>;

export type ErrorCode = Exclude<WireErrorCode, 'OK'> | keyof typeof LOCAL_ERRORS;

/** What is known of a request that failed: it has no effect for ever, it may have one, or it never left this process. */
export type Outcome = 'rejected' | 'unknown' | 'not-sent';

/** The class of a wire code: its thousand (spec, chapter of errors). */
export const errorClass = (number: number): number => Math.floor(number / 1000);

const RETRYABLE_CLASSES: ReadonlySet<number> = new Set([1, 2, 3, 5, 6, 8]);
const BRAND: unique symbol = Symbol.for('qanat.error') as never;

export interface QanatErrorOptions {
  readonly cause?: unknown;
  readonly outcome?: Outcome;
  readonly hint?: string;
  /** From the server: do not try again before this many milliseconds. */
  readonly retryAfterMs?: number;
  /** From the server with SEQUENCE_GAP. */
  readonly expectedSequence?: number;
  /** The number on the wire, where the code is not known here. */
  readonly wireNumber?: number;
}

let stackless = false;

/**
 * From here on errors that have a number on the wire are made without a stack: they are answers, and a peer can ask for as many
 * as it likes (a stack costs more than the rest of the answer). Give back what this returns.
 */
export function withoutStacks(on: boolean): boolean {
  const before = stackless;
  stackless = on;
  return before;
}

/** Of V8; where it does not exist, stacks are what they are. */
const setStackLimit = (limit: unknown): void => void Reflect.set(Error, 'stackTraceLimit', limit);

/** The only error class that Qanat throws or rejects with. Match on `code`, never on `message`. */
export class QanatError extends Error {
  override readonly name = 'QanatError';
  readonly code: ErrorCode;
  /** True when the same call may succeed later without any change by the caller. */
  readonly retryable: boolean;
  /** What is known of the effect of the request. Default: by the class of the code. */
  readonly outcome: Outcome;
  /** What to do about it, one line. */
  readonly hint: string;
  readonly retryAfterMs: number | undefined;
  readonly expectedSequence: number | undefined;
  /** The number of the code on the wire; 0 for a local one. */
  readonly wireNumber: number;
  readonly [BRAND] = true;

  constructor(code: ErrorCode, message: string, options: QanatErrorOptions = {}) {
    const number = options.wireNumber ?? wireNumberOf(code);
    const limit: unknown = stackless && number !== 0 ? Reflect.get(Error, 'stackTraceLimit') : undefined;
    if (limit !== undefined) setStackLimit(0);
    super(message, options.cause === undefined ? undefined : { cause: options.cause });
    if (limit !== undefined) setStackLimit(limit);
    this.code = code;
    this.wireNumber = number;
    const local: LocalError | undefined = number === 0 ? LOCAL_ERRORS[code as keyof typeof LOCAL_ERRORS] : undefined;
    this.retryable = local?.retryable ?? RETRYABLE_CLASSES.has(errorClass(number));
    this.outcome = options.outcome ?? local?.outcome ?? (errorClass(number) === 6 ? 'unknown' : 'rejected');
    this.hint = options.hint ?? local?.hint ?? WIRE_ERRORS[code as WireErrorCode].hint;
    this.retryAfterMs = options.retryAfterMs;
    this.expectedSequence = options.expectedSequence;
  }

  /** Works across two copies of the package, where `instanceof` does not. */
  static is(value: unknown, code?: ErrorCode): value is QanatError {
    return (
      typeof value === 'object' && value !== null && BRAND in value && (code === undefined || (value as QanatError).code === code)
    );
  }
}

/** The number of a code on the wire, 0 for a local one. */
export function wireNumberOf(code: ErrorCode): number {
  return code in WIRE_ERRORS ? WIRE_ERRORS[code as WireErrorCode].number : 0;
}

const BY_NUMBER: ReadonlyMap<number, ErrorCode> = new Map(
  Object.entries(WIRE_ERRORS)
    .filter(([name]) => name !== 'OK')
    .map(([name, { number }]) => [number, name as ErrorCode]),
);

/** What stands for a code that this version does not know: one of the same class (QNT-ERR). */
const BY_CLASS: Readonly<Record<number, ErrorCode>> = {
  1: 'UNEXPECTED_FRAME',
  2: 'WRONG_BROKER',
  3: 'BROKER_BUSY',
  4: 'INVALID_ARGUMENT',
  5: 'NOT_READY',
  6: 'STORAGE_FAILED',
  7: 'FORBIDDEN',
  8: 'LEASE_FENCED',
};

/**
 * The code for a number that came over the wire. An unknown class is taken for one of what must not be tried again
 * (QNT-ERR-002).
 */
export function codeOfWireNumber(number: number): ErrorCode {
  return BY_NUMBER.get(number) ?? BY_CLASS[errorClass(number)] ?? 'INVALID_ARGUMENT';
}

/** Guards an invariant of our own: a false condition is a defect, never a peer's fault. */
export function assert(condition: unknown, message: string): asserts condition {
  if (!condition) throw new QanatError('INTERNAL', message);
}
