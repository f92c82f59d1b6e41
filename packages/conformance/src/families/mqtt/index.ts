import type { Family } from '../../play/family.ts';
import { CONNECT_CLAUSES } from './clauses/connect-clauses.ts';
import { DELIVERY_CLAUSES } from './clauses/delivery-clauses.ts';
import { EXCHANGE_CLAUSES } from './clauses/exchange-clauses.ts';
import { MAPPING_CLAUSES } from './clauses/mapping-clauses.ts';
import { MESSAGE_CLAUSES } from './clauses/message-clauses.ts';
import { RETAIN_WILL_CLAUSES } from './clauses/retain-will-clauses.ts';
import { WRONG_CLAUSES } from './clauses/wrong-clauses.ts';
import { CLUSTER_OPS } from './cluster-ops.ts';
import { generatedCrashes, generatedDevices } from './generated.ts';
import { MQTT_OPS } from './ops.ts';
import { CONNECT_PROGRAMS } from './programs/connect-programs.ts';
import { DELIVERY_PROGRAMS } from './programs/delivery-programs.ts';
import { FROZEN_PROGRAMS } from './programs/frozen-programs.ts';
import { MAPPING_PROGRAMS } from './programs/mapping-programs.ts';
import { RESUME_PROGRAMS } from './programs/resume-programs.ts';
import { RETAIN_WILL_PROGRAMS } from './programs/retain-will-programs.ts';
import { SHARED_PROGRAMS } from './programs/shared-programs.ts';
import { WRONG_PROGRAMS } from './programs/wrong-programs.ts';

/** MQTT 3.1.1 and 5.0 as devices see it: the statements of the standard, by its own ids. */
export const mqtt: Family = {
  name: 'mqtt',
  clauses: [
    ...CONNECT_CLAUSES,
    ...EXCHANGE_CLAUSES,
    ...DELIVERY_CLAUSES,
    ...MESSAGE_CLAUSES,
    ...RETAIN_WILL_CLAUSES,
    ...WRONG_CLAUSES,
    ...MAPPING_CLAUSES,
  ],
  programs: [
    ...CONNECT_PROGRAMS,
    ...RESUME_PROGRAMS,
    ...DELIVERY_PROGRAMS,
    ...SHARED_PROGRAMS,
    ...RETAIN_WILL_PROGRAMS,
    ...WRONG_PROGRAMS,
    ...MAPPING_PROGRAMS,
    ...FROZEN_PROGRAMS,
  ],
  generated: { bridge: generatedDevices },
  ops: { ...MQTT_OPS, ...CLUSTER_OPS },
};

/** Programs of devices while the bridge dies and comes back, drawn at random, for the clauses of `mqtt`. */
export const mqttCrashes: Family = {
  name: 'mqtt-crashes',
  clauses: [],
  programs: [],
  generated: { bridge: generatedCrashes },
  ops: MQTT_OPS,
};
