import { REQUIREMENTS, type Requirement } from './gen/requirements.ts';
import { MQTT_STATEMENTS } from './mqtt-statements.ts';

/** Whatever the kit can judge: the specification, and of bridges the standard of MQTT. */
export const ALL_REQUIREMENTS: readonly Requirement[] = [...REQUIREMENTS, ...MQTT_STATEMENTS];
