/** An entry of a commit log, as REPLICATE carries it (chapter of the log entry). */
export interface Entry {
  readonly position: number;
  readonly end: number;
  readonly term: number;
  readonly previousChain: number;
  readonly chain: number;
  /** What stands behind its header. */
  readonly body: Uint8Array;
}

const HEADER_BYTES = 64;
/** Offsets of fields in the header: QNT-LOG, and read here by hand, so that the kit shares no mistake with the subject. */
const AT = { length: 0, term: 20, position: 24, previousChain: 40, chain: 44 } as const;

/** The entries that bytes consist of; undefined where they are not whole ones. */
export function entriesIn(bytes: Uint8Array): readonly Entry[] | undefined {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const entries: Entry[] = [];
  let at = 0;
  while (at < bytes.length) {
    const length = bytes.length - at < HEADER_BYTES ? 0 : view.getUint32(at + AT.length);
    if (length < HEADER_BYTES || at + length > bytes.length) return undefined;
    const position = Number(view.getBigUint64(at + AT.position));
    entries.push({
      position,
      end: position + length,
      term: view.getUint32(at + AT.term),
      previousChain: view.getUint32(at + AT.previousChain),
      chain: view.getUint32(at + AT.chain),
      body: bytes.subarray(at + HEADER_BYTES, at + length),
    });
    at += length;
  }
  return entries;
}
