/** The engines of an implementation in this process: those that ship, or others with a bug in them. */
export type Engines = typeof import('@qanat/core');
