// What a process of the self-test loads of the kit.
export { FAMILIES } from '../src/families/index.ts';
export { WebSocketGround } from '../src/ground/web-socket-ground.ts';
export { BUDGETS } from '../src/run/budget.ts';
export { drawPrograms } from '../src/run/draw-programs.ts';
export { inProcessSite } from '../src/run/in-process-site.ts';
export { survey } from '../src/run/survey.ts';
export { streamSite } from '../src/selftest/mqtt/model-driver.ts';
