/** Makes names of one process: a server that keeps its data must not know them from an earlier run. */
export const runToken = (): string => Math.floor(performance.timeOrigin).toString(36);
