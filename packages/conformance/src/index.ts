export type { Clause, Judge } from './clause/clause.ts';
export type { Ability, Driver, Manifest, Role } from './driver/driver.ts';
export { clausesOf, FAMILIES } from './families/index.ts';
export type { Family } from './play/family.ts';
export type { Program, Step } from './play/program.ts';
export { inProcessSite } from './run/in-process-site.ts';
export { runProgram, type Site } from './run/run-program.ts';
export { survey } from './run/survey.ts';
