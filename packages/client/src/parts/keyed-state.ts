export { EngineKeyedState } from '../keyed-state.ts';
