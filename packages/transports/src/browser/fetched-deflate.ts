type Deflate = (bytes: Uint8Array) => Uint8Array;

/**
 * Raw deflate whose compressor is fetched when bytes are first to be deflated, which most pages never ask for. Until it is there,
 * and where it cannot be fetched, the bytes are stored: that is deflate too, and longer, so that batches leave as they are.
 */
export class FetchedDeflate {
  #deflate: Deflate | undefined;
  #fetching: Promise<void> | undefined;

  readonly deflateRaw: Deflate = (bytes) => {
    if (this.#deflate !== undefined) return this.#deflate(bytes);
    this.fetch().catch(() => {}); // what cannot be compressed is sent nevertheless
    return storedBlocks(bytes);
  };

  /** Fetches the compressor, once. */
  fetch(): Promise<void> {
    this.#fetching ??= import('./compressor.ts').then(({ deflateSync }) => {
      this.#deflate = (bytes) => deflateSync(bytes);
    });
    return this.#fetching;
  }
}

/** What fits into one block. */
const BLOCK_BYTES = 0xffff;
/** The bits that say what block it is, filled up to a byte; its length; and its length again, with every bit turned. */
const BLOCK_HEAD_BYTES = 5;

/** Deflate that stores the bytes as they are (RFC 1951, chapter 3.2.4). */
function storedBlocks(bytes: Uint8Array): Uint8Array {
  const blocks = Math.max(1, Math.ceil(bytes.length / BLOCK_BYTES));
  const stored = new Uint8Array(bytes.length + blocks * BLOCK_HEAD_BYTES);
  const view = new DataView(stored.buffer);
  for (let i = 0; i < blocks; i++) {
    const block = bytes.subarray(i * BLOCK_BYTES, (i + 1) * BLOCK_BYTES);
    const at = i * (BLOCK_BYTES + BLOCK_HEAD_BYTES);
    stored[at] = i === blocks - 1 ? 1 : 0;
    view.setUint16(at + 1, block.length, true);
    view.setUint16(at + 3, ~block.length, true);
    stored.set(block, at + BLOCK_HEAD_BYTES);
  }
  return stored;
}
