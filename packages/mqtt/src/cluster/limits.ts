/** A bridge writes its liveness, and makes a checkpoint of its sessions, so often, ms. */
export const CHECKPOINT_MS = 1_000;
/** A bridge whose liveness stands still for so long, by the clock of who looks and is answered, is dead, ms. */
export const BRIDGE_DEAD_MS = 5_000;
/** Looks at the liveness of a bridge that are answered further apart, ms: the time in between does not count. */
export const BRIDGE_LOOK_GAP_MS = 3_000;
/** The liveness of a dead bridge without sessions is removed after this, ms. */
export const BRIDGE_FORGOTTEN_MS = 60_000;
/** An indexer waits so long for more messages before it writes pointers, ms. */
export const INDEX_MS = 20;
/** An indexer without pointers to write tells its position so often, ms. */
export const INDEX_IDLE_MS = 200;
/** An indexer that is behind writes what it found after so many messages. */
export const INDEX_SPAN_MAX = 20_000;
/** What failed at the cluster is tried again after this, ms. */
export const RETRY_MS = 200;
/** Topics are asked for their queues so often, ms. */
export const TOPICS_MS = 10_000;
/**
 * A session whose unsettled messages stay the same is saved again after this, ms: the log behind it need not be looked through.
 */
export const STUCK_SESSION_MS = 60_000;
/** A data queue is asked so long for the exchanges of a client, ms. */
export const INBOUND_ASK_MS = 2_000;
/** Longer than a send may take, ms: what a bridge was given before is stored by then, or never. */
export const INBOUND_FENCE_MS = 60_000;
/** A message of QoS 2 waits so long until the exchanges of its client are known, ms; then the connection ends. */
export const INBOUND_WAIT_MS = 10_000;
/**
 * A bridge that did nothing for so long asks whether a session is still its own before it stores for it with QoS 2, ms: with the
 * 30 s that a send may take, what it begins without asking is stored within INBOUND_FENCE_MS of another bridge's claim.
 */
export const INBOUND_STILL_MS = 20_000;
/** What sessions that have ended left in data queues is looked for so often, ms; it goes when it is found a second time. */
export const INBOUND_SWEEP_MS = 120_000;
/** Sessions that have ended, whose exchanges are looked for at the same time; those of further ones are left to the sweep. */
export const INBOUND_ENDS_MAX = 128;
/** A claim that has not ended by then is refused, ms. */
export const CLAIM_MS = 10_000;

/** Messages of all tails that are kept for reading them again, bytes. */
export const RECENT_BYTES_MAX = 64 * 1024 * 1024;
/**
 * What waits to be stored before `publish` says that it is enough, bytes; it goes on below a quarter of it. Everybody's next
 * message waits behind these: with more of them a flood of one device is felt by all others.
 */
export const PUBLISH_BYTES_MAX = 4 * 1024 * 1024;
/** What was stored and has not come back in the tails before `publish` says that it is enough, bytes; as above. */
export const UNSEEN_BYTES_MAX = 4 * 1024 * 1024;
/** Messages of QoS 0 are shed beyond so many bytes that wait to be stored, although no socket is read any more. */
export const QOS0_BYTES_MAX = 64 * 1024 * 1024;
/** MQTT topics whose queues are remembered. */
export const WAYS_KEPT_MAX = 16_384;
/** Characters of such a topic: longer ones are rare, and would let a device fill the memory. */
export const WAY_LENGTH_MAX = 255;
/** Calls under way for one queue; what comes meanwhile makes the next batch. */
export const BATCHES_PER_QUEUE_MAX = 2;
/** Messages that one `scan` looks at. */
export const SCAN_MESSAGES_MAX = 1_000;
/** One read of the log, bytes. */
export const FETCH_BYTES = 1024 * 1024;
/** Reads under way for one `read`. */
export const FETCHES_MAX = 8;
/** Sessions that have missed more than so many offsets of a queue do not share one walk through it with others. */
export const JOINED_SPAN_MAX = 200_000;
/** Sessions of one state queue that are claimed at the same time; further devices wait for their CONNACK. */
export const CLAIMS_MAX = 128;
/** A claim that has taken so long waits for a broker that is away, ms: it does not count for CLAIMS_MAX any more. */
export const CLAIM_SLOW_MS = 500;
/** Offsets of one entry of pointers. */
export const POINTERS_PER_ENTRY_MAX = 8_192;
/** Places that a resumed session is told one by one; beyond it a queue is scanned. */
export const PLACES_MAX = 100_000;
/** Finished exchanges of QoS 2 that are remembered before the session is saved. */
export const FINISHED_EXCHANGES_MAX = 256;
/** Entries of one answer, and of one write. */
export const STATE_PAGE = 1_000;
/** Bytes of a client id in the keys of its entries; a longer one is hashed. */
export const CLIENT_KEY_BYTES_MAX = 160;
/** Bytes of a session's record. */
export const SESSION_RECORD_BYTES_MAX = 512 * 1024;
/** Sessions of the cluster that outlive their connection. */
export const SESSIONS_MAX = 50_000;
/** Of these, those of one user: no fewer, since many devices may have one. */
export const SESSIONS_PER_USER_MAX = 50_000;
/** Retained messages of the cluster. */
export const RETAINED_MAX = 100_000;
/** Bytes of all sessions with their wills and subscriptions, and of all retained messages: about what a bridge has in memory. */
export const STATE_BYTES_MAX = 320 * 1024 * 1024;
/** What a session counts for at the least, with the few subscriptions that a device has. */
export const SESSION_STATE_BYTES_MIN = 4_096;
/** What a subscription counts for, beside its filter. */
export const SUBSCRIPTION_STATE_BYTES = 1_024;
/** What a retained message counts for at the least. */
export const RETAINED_STATE_BYTES_MIN = 1_024;
/** Bytes of a retained message, with its topic, client id and properties. */
export const RETAINED_BYTES_MAX = 768 * 1024;
/** Messages of a shared subscription that a bridge holds without acknowledgement. */
export const SHARE_WINDOW = 256;
/** What all shared subscriptions of a bridge fetch ahead together, bytes; each gets a part of what is left. */
export const SHARES_PREFETCH_BYTES = 64 * 1024 * 1024;
/** The most of it for one, bytes. */
export const SHARE_PREFETCH_BYTES_MAX = 8 * 1024 * 1024;
/** The least for one, bytes, however many there are. */
export const SHARE_PREFETCH_BYTES_MIN = 64 * 1024;
/** What all shared subscriptions of a bridge hold of messages that are not acknowledged, bytes. */
export const SHARES_BYTES_MAX = 64 * 1024 * 1024;
/** Messages of one queue that a shared subscription has handed to sessions with QoS 2 while its group's offset stands below. */
export const HANDED_MAX = 16_384;
/** How long it is remembered that a retained message was removed, ms: an older one that comes later does not bring it back. */
export const RETAINED_REMOVED_MS = 60_000;
/** A message that is to be retained counts as such for so long, ms, while nobody has written it down. */
export const RETAINED_COMING_MS = 60_000;
