import { codeNumber, FRAMES, FrameType } from '@qanat/core';
import type { JsonObject } from '../../json.ts';
import type { Program, Step } from '../../play/program.ts';
import { SERVERS } from './circumstances.ts';
import { BROKER_PROGRAMS } from './programs-broker.ts';
import { NAME_SERVER_PROGRAMS } from './programs-nameserver.ts';
import { FENCE, GONE, OPEN, SILENT } from './steps.ts';

/** The HELLO of each case of spec/v1/vectors/hello.json, whose server is one of version 1.0 with the defaults of the registry. */
export const HELLO_VECTORS: readonly JsonObject[] = [
  {},
  { minor: 7 },
  { idleMs: 1_000 },
  { idleMs: 60_001 },
  { features: [27, 58, 1] },
  { requiredFeatures: [58] },
  { features: [1], requiredFeatures: [1] },
];

type Parts = Omit<Program, 'family' | 'name' | 'role' | 'steps'>;

/** The same program for both servers. */
const both = (name: string, steps: readonly Step[], parts: Parts = {}): Program[] =>
  SERVERS.map((role) => ({ family: 'connection', name, role, steps, ...parts }));

const hello = (header: JsonObject): Step => ({ op: 'open', hello: header });

const HELLO_BYTES_MAX = 16_384;
const HEAD_BYTES = 12;

/** HELLO with nothing asked for, in a frame of so many bytes: the payload is ignored. */
const helloOf = (bytes: number): Step => ({ op: 'request', frame: 'HELLO', payload: { zeros: bytes - HEAD_BYTES } });

const HELLO_PROGRAMS: readonly Program[] = [
  ...both(
    'hello-vectors',
    HELLO_VECTORS.flatMap((header) => [hello(header), FENCE]),
  ),
  ...both('hello-far-numbers', [
    hello({ minor: 4_294_967_295, idleMs: 4_294_967_295 }),
    FENCE,
    hello({ minor: 1, idleMs: 1 }),
    hello({ features: Array.from({ length: 40 }, (_, i) => 27 + 31 * i) }),
    FENCE,
    hello({ requiredFeatures: [27, 4_294_967_295] }),
    GONE,
  ]),
  ...both('hello-in-pieces', [SILENT, { op: 'request', frame: 'HELLO', header: { software: 'in pieces' }, chunk: 1 }, FENCE]),
  ...both('hello-short-frames', [
    hello({ frameBytesMax: 1 }),
    GONE,
    hello({ frameBytesMax: HELLO_BYTES_MAX - 1 }),
    GONE,
    hello({ frameBytesMax: HELLO_BYTES_MAX }),
    FENCE,
    hello({ frameBytesMax: 4_294_967_295 }),
    FENCE,
  ]),
  ...both('hello-long-texts', [
    hello({ software: { $text: 255 }, label: { $text: 255 } }),
    hello({ software: { $text: 256 } }),
    GONE,
    hello({ label: { $text: 256 } }),
    GONE,
  ]),
  ...both('hello-long-frames', [SILENT, helloOf(HELLO_BYTES_MAX), FENCE, SILENT, helloOf(HELLO_BYTES_MAX + 1), GONE]),
  ...both('hello-in-the-last-moment', [
    SILENT,
    SILENT,
    SILENT,
    { op: 'bytes', c: 1, hex: '0000000c 00010000 0000' },
    { op: 'pass', ms: 4_400 },
    { op: 'request', c: 2, frame: 'HELLO' },
    { op: 'awaitClose', c: 0 },
    { op: 'awaitClose', c: 1 },
    { op: 'fence', c: 2 },
  ]),
  ...both('first-frame-is-no-hello', [
    SILENT,
    { op: 'request', frame: 'PING' },
    GONE,
    SILENT,
    { op: 'request', frame: 'PING', wait: false },
    { op: 'request', frame: 'HELLO', wait: false },
    { op: 'request', frame: 'PING', wait: false },
    GONE,
    SILENT,
    { op: 'frame', type: 0x3a5a, flags: ['ONEWAY', 'IGNORABLE'] },
    GONE,
  ]),
];

const STATE_PROGRAMS: readonly Program[] = [
  ...both('auth-is-reserved', [OPEN, { op: 'frame', type: FrameType.AUTH, wait: true }, FENCE]),
  ...both('longest-frame', [OPEN, { op: 'frame', type: FRAMES.PING.type, zeros: 4_259_840 - HEAD_BYTES, wait: true }, FENCE]),
  ...both('client-says-goaway', [
    OPEN,
    { op: 'oneWay', frame: 'GOAWAY', header: { code: codeNumber('SHUTTING_DOWN'), message: 'the kit leaves', graceMs: 10 } },
    FENCE,
    { op: 'pass', ms: 50 },
    FENCE,
    { op: 'close' },
    { op: 'pass', ms: 800 },
  ]),
  ...both('silence', [
    hello({ idleMs: 1_000 }),
    hello({ idleMs: 1_000 }),
    { op: 'pass', ms: 700 },
    { op: 'fence', c: 1 },
    { op: 'awaitClose', c: 0 },
    { op: 'awaitClose', c: 1 },
  ]),
  ...both('strangers-beside', [
    OPEN,
    OPEN,
    { op: 'bytes', c: 1, hex: 'ffffffff 00000000' },
    { op: 'awaitClose', c: 1 },
    { op: 'fence', c: 0 },
    SILENT,
    { op: 'bytes', hex: '0000000c 00010000 00000001 00000fff' },
    { op: 'fence', c: 0 },
    OPEN,
    { op: 'frame', type: FRAMES.PING.type, correlation: 4 },
    { op: 'awaitClose', c: 3 },
    { op: 'fence', c: 0 },
    OPEN,
    FENCE,
  ]),
  ...both('errors-keep-the-connection', [
    OPEN,
    { op: 'frame', type: 0x3a5a, wait: true },
    { op: 'frame', type: FRAMES.SEND.type, wait: true },
    { op: 'frame', type: FRAMES.ROUTE_QUERY.type, wait: true },
    FENCE,
  ]),
  ...both(
    'planned-stop',
    [OPEN, SILENT, { op: 'pass', ms: 1_200 }, { op: 'fence', c: 0 }, { op: 'beginStop' }, { op: 'awaitClose', c: 0 }, GONE],
    { alone: true, needs: ['stop'] },
  ),
];

const still = (ms: number, ...meanwhile: Step[]): Step[] => [
  { op: 'standStill' },
  { op: 'pass', ms },
  ...meanwhile,
  { op: 'pass', ms: 3_000 - ms },
  { op: 'goOn' },
];

const PAUSE_PROGRAMS: readonly Program[] = both(
  'stands-still',
  [
    hello({ idleMs: 1_500 }),
    hello({ idleMs: 1_500 }),
    { op: 'pass', ms: 300 },
    ...still(400, { op: 'request', c: 0, frame: 'PING', wait: false }),
    { op: 'pass', ms: 300 },
    { op: 'fence', c: 0 },
    { op: 'fence', c: 1 },
  ],
  { alone: true, needs: ['pause'] },
);

const HELLO_PAUSE_PROGRAMS: readonly Program[] = both(
  'stands-still-before-hello',
  [
    SILENT,
    { op: 'pass', ms: 3_400 },
    ...still(500, { op: 'request', c: 0, frame: 'HELLO', wait: false }),
    { op: 'pass', ms: 300 },
    { op: 'fence', c: 0 },
  ],
  { alone: true, needs: ['pause'] },
);

export const PROGRAMS: readonly Program[] = [
  ...HELLO_PROGRAMS,
  ...STATE_PROGRAMS,
  ...PAUSE_PROGRAMS,
  ...HELLO_PAUSE_PROGRAMS,
  ...NAME_SERVER_PROGRAMS,
  ...BROKER_PROGRAMS,
];
