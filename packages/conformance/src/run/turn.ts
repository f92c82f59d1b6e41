/** A turn of the event loop: on virtual time nothing else lets signals of the process in. */
export const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));
