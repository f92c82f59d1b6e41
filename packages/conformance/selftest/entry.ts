// What a process of the self-test loads of the kit.
export { FAMILIES } from '../src/families/index.ts';
export { inProcessSite } from '../src/run/in-process-site.ts';
export { survey } from '../src/run/survey.ts';
