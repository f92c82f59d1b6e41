import { QanatError } from '../../errors.ts';
import { utf8Length } from '../../wire/bytes.ts';
import { AckLevel, LIMITS } from '../../wire/gen/registry.ts';

/** When a send is done: visible to consumers, stored at one broker, or handed to the connection. */
export type Ack = 'committed' | 'leader' | 'none';

export const ACK_LEVELS: Readonly<Record<Ack, AckLevel>> = {
  committed: AckLevel.ACK_COMMITTED,
  leader: AckLevel.ACK_LEADER,
  none: AckLevel.ACK_NONE,
};

export interface ProducerOptions {
  /**
   * Makes the producer's ids durable, and fences whoever had the name before at each broker: of two processes with one name the
   * newer one sends, the older one ends with PRODUCER_FENCED. At most LABEL_BYTES_MAX bytes. Default: none.
   */
  readonly name?: string;
  /** Default `committed`. */
  readonly ack?: Ack;
  /**
   * How long a batch gathers messages, ms. Default 0: it leaves at once when nothing is on the way to its broker, and otherwise
   * gathers until an answer comes.
   */
  readonly lingerMs?: number;
  /** A batch of single sends is full at this many bytes. Default 256 KiB. */
  readonly batchBytes?: number;
  /** A batch of single sends is full at this many messages. Default and most BATCH_RECORDS_MAX. */
  readonly batchRecords?: number;
  /** Batches on the way to one broker. Default 5. */
  readonly inFlightBatches?: number;
  /** Messages that are not settled, in bytes. Default 32 MiB. Beyond it a send fails with QUEUE_FULL. */
  readonly bufferBytes?: number;
  /** Deflates batches where that makes them shorter. Default false. */
  readonly compress?: boolean;
  /** Shorter batches are sent as they are: deflating costs more than it saves. Default 512. */
  readonly compressFromBytes?: number;
  /** Default of a call, ms. Default 30000. */
  readonly timeoutMs?: number;
  /** After QUEUE_FULL: half of the buffer is free again. */
  onWritable?(): void;
}

export type ProducerSettings = Required<Omit<ProducerOptions, 'onWritable'>> & { readonly onWritable: (() => void) | undefined };

export interface SendOptions {
  /** This queue and no other one; it is not checked against the message's key. */
  readonly queue?: { readonly broker: string; readonly queue: number };
  /** When to give up, ms. Default: the producer's. */
  readonly timeoutMs?: number;
  /** Default: the producer's. */
  readonly ack?: Ack;
  /**
   * Of `send` alone: the message is stored only where the queue's keyed state has no such key, which is written with it (value:
   * the offset, 8 bytes, big-endian). Otherwise the receipt says `duplicate`, with that offset, until somebody removes the key.
   * Needs a message with a key, or `queue`. 1 to STATE_KEY_BYTES_MAX bytes.
   */
  readonly dedupId?: string;
}

export interface SendBatchOptions extends SendOptions {
  /** All messages go to the queue of this key. The messages' own keys then choose nothing. */
  readonly key?: string;
}

/** Where a message is. */
export interface Receipt {
  readonly topic: string;
  readonly broker: string;
  readonly queue: number;
  /**
   * Offset of the message, of the first one for a batch; undefined for ack `none` and for a duplicate that the broker no longer
   * remembers.
   */
  readonly baseOffset: number | undefined;
  /** Broker's time of storing, ms since 1970; 0 for ack `none`. */
  readonly storeTimeMs: number;
  /** An earlier attempt of the same call, or a message with the same dedup id, had been stored. */
  readonly duplicate: boolean;
}

/** One stored batch of a `sendBatch`. */
export interface BatchReceipt extends Receipt {
  readonly count: number;
}

export type SendDone = (error: QanatError | undefined, receipt: Receipt | undefined) => void;
/** With an error, `receipts` holds what was stored nevertheless. */
export type SendBatchDone = (error: QanatError | undefined, receipts: readonly BatchReceipt[]) => void;

const SEND_TIMEOUT_MS = 30_000;
const BATCH_BYTES = 256 * 1024;
const BUFFER_BYTES = 32 * 1024 * 1024;
const IN_FLIGHT_BATCHES = 5;
const COMPRESS_FROM_BYTES = 512;
/** A broker remembers PRODUCER_BATCHES_REMEMBERED batches of a queue; twice what is in flight may be undecided. */
const IN_FLIGHT_BATCHES_MAX = Math.floor(LIMITS.PRODUCER_BATCHES_REMEMBERED / 2);

/** @throws QanatError BAD_CONFIG. */
export function producerSettings(options: ProducerOptions): ProducerSettings {
  const settings: ProducerSettings = {
    name: options.name ?? '',
    ack: options.ack ?? 'committed',
    lingerMs: options.lingerMs ?? 0,
    batchBytes: options.batchBytes ?? BATCH_BYTES,
    batchRecords: options.batchRecords ?? LIMITS.BATCH_RECORDS_MAX,
    inFlightBatches: options.inFlightBatches ?? IN_FLIGHT_BATCHES,
    bufferBytes: options.bufferBytes ?? BUFFER_BYTES,
    compress: options.compress ?? false,
    compressFromBytes: options.compressFromBytes ?? COMPRESS_FROM_BYTES,
    timeoutMs: options.timeoutMs ?? SEND_TIMEOUT_MS,
    onWritable: options.onWritable?.bind(options),
  };
  if (!(settings.ack in ACK_LEVELS))
    throw new QanatError('BAD_CONFIG', `ack: "${settings.ack}" is none of committed, leader, none`);
  if (options.name === '' || utf8Length(settings.name) > LIMITS.LABEL_BYTES_MAX)
    throw new QanatError('BAD_CONFIG', `name: a producer's name has 1 to ${LIMITS.LABEL_BYTES_MAX} bytes`);
  check('lingerMs', settings.lingerMs, 0, Number.MAX_SAFE_INTEGER);
  check('batchBytes', settings.batchBytes, 1, LIMITS.BATCH_BYTES_MAX);
  check('batchRecords', settings.batchRecords, 1, LIMITS.BATCH_RECORDS_MAX);
  check('inFlightBatches', settings.inFlightBatches, 1, IN_FLIGHT_BATCHES_MAX);
  check('bufferBytes', settings.bufferBytes, 1, Number.MAX_SAFE_INTEGER);
  check('compressFromBytes', settings.compressFromBytes, 0, Number.MAX_SAFE_INTEGER);
  check('timeoutMs', settings.timeoutMs, 1, Number.MAX_SAFE_INTEGER);
  return settings;
}

function check(name: string, value: number, least: number, most: number): void {
  if (!(value >= least && value <= most))
    throw new QanatError('BAD_CONFIG', `${name}: ${value} is not within ${least} and ${most}`);
}
