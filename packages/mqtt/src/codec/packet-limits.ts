// What one packet may hold, whatever its length. Beyond it the reason code is 0x97 Quota exceeded, for levels 0x90 or 0x8F.

/** User properties of a packet; those of a will are counted apart. */
export const USER_PROPERTIES_MAX = 64;

/** Bytes of all properties of a packet; those of a will are counted apart. */
export const PROPERTIES_BYTES_MAX = 65_536;

/** Topic filters of one SUBSCRIBE or UNSUBSCRIBE. */
export const FILTERS_PER_PACKET_MAX = 1_024;

/** Levels of a topic name or filter; the prefix of a shared subscription counts. */
export const TOPIC_LEVELS_MAX = 128;
