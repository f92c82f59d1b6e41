export { main, runCommand } from './main.ts';
export type { Terminal } from './say.ts';
