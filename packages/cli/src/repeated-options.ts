import type { Option } from 'commander';

/** Options that take one value each time they are given. */
const REPEATED = new WeakSet<Option>();

export const markRepeated = (option: Option): void => void REPEATED.add(option);

export const isRepeated = (option: Option): boolean => REPEATED.has(option);
