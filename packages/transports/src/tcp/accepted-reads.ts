import { Socket, type SocketConstructorOpts } from 'node:net';

/** Most frames with a batch lie whole in it. */
const BUFFER_BYTES = 262_144;

/**
 * Lets all accepted sockets of a listener read into one buffer. Node makes a new array of 64 KiB for each read, which keeps its
 * garbage collector busy; the option `onread` avoids that, but `createServer` does not have it. So the connection goes on as
 * another socket, which does. Where Node keeps the connection to itself the socket stays as it is: slower, and right as well.
 */
export class AcceptedReads {
  /** The same for all sockets: Node calls it as a method of the socket that has read. */
  readonly #onread = {
    buffer: new Uint8Array(BUFFER_BYTES),
    callback(this: Socket, bytes: number, buffer: Uint8Array): boolean {
      return this.emit('data', buffer.subarray(0, bytes));
    },
  };

  /**
   * @param accepted what was read from it was handled.
   * @returns the socket to use from now on. What it gives as `data` holds until its listener returns.
   */
  begin(accepted: Socket): Socket {
    const owner = accepted as { _handle?: { reading: boolean; readStop(): void } | null };
    const handle = owner._handle;
    if (handle === undefined || handle === null) return accepted;
    handle.readStop();
    handle.reading = false;
    owner._handle = null;
    // The types lack `handle` and `onread`.
    return new Socket({ handle, allowHalfOpen: true, onread: this.#onread } as SocketConstructorOpts);
  }
}
