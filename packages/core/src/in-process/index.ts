export { Exchange } from './exchange.ts';
export type { LanePolicy } from './lane.ts';
export { CLOSE_DEADLINE_MS, FRAMES_PER_TURN_MAX, HIGH_WATER_BYTES, LOW_WATER_BYTES } from './link-end.ts';
