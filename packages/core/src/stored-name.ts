import { assert } from './errors.ts';

const FORM = /^[a-z0-9._-]+(?:\/[a-z0-9._-]+)*$/;
/** What adapters write before they rename it; removed when a store is opened. */
export const TEMPORARY_SUFFIX = '.tmp';

/** Whether `name` may name a file of a store: `/` between folders, characters `a-z 0-9 . - _`, no folder `.` or `..`. */
export function isStoredName(name: string): boolean {
  return FORM.test(name) && !name.endsWith(TEMPORARY_SUFFIX) && name.split('/').every((part) => part !== '.' && part !== '..');
}

/** Names come from our own code alone, so a bad one is a defect. */
export function assertStoredName(name: string): void {
  assert(isStoredName(name), `"${name}" cannot name a file of a store`);
}
