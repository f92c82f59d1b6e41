export { EngineAdmin } from '../admin.ts';
