import type { Connection, ConnectionHandler, QanatError } from '@qanat/core';

/** A connection to an address that cannot be dialled: its handler hears why in a later turn. */
export function failedDialling(
  remote: string,
  handler: ConnectionHandler,
  error: QanatError,
  later: (run: () => void) => void,
): Connection {
  later(() => handler.onClose(error));
  const nothing = (): void => undefined;
  return {
    remote,
    send: () => true,
    flush: nothing,
    setFrameBytesMax: nothing,
    setReading: nothing,
    close: nothing,
    abort: nothing,
  };
}
