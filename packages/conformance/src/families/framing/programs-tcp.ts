import type { Program, Step } from '../../play/program.ts';
import { typeOf } from './hex.ts';
import { AWAIT_CLOSE, FENCE, forServers, OPEN } from './steps.ts';

const greet = (preface: string, more: Partial<Step> = {}): Step =>
  ({ op: 'open', preface, hello: false, wait: false, ...more }) as Step;

const TCP = { binding: 'tcp' } as const;

/** Prefaces and the ends of byte streams. */
export const TCP_PROGRAMS: readonly Program[] = [
  ...forServers('preface-of-a-stranger', [greet('16030100aa010000'), AWAIT_CLOSE], TCP),
  ...forServers('preface-of-an-http-client', [greet('474554202f20485454502f312e310d0a0d0a'), AWAIT_CLOSE], TCP),
  ...forServers('first-byte-of-a-stranger', [greet('16'), AWAIT_CLOSE], TCP),
  ...forServers('name-of-a-stranger', [greet('ab51'), { op: 'bytes', hex: '4e00' }, AWAIT_CLOSE], TCP),
  ...forServers('other-major-version', [greet('ab514e54ee000000'), AWAIT_CLOSE], TCP),
  ...forServers('major-version-zero', [greet('ab514e5400000000'), AWAIT_CLOSE], TCP),
  ...forServers('reserved-bytes-of-the-preface', [{ op: 'open', preface: 'ab514e5401ffa501' }, FENCE], TCP),
  ...forServers(
    'preface-in-pieces',
    [
      greet('ab'),
      { op: 'pass', ms: 30 },
      { op: 'bytes', hex: '514e54' },
      { op: 'pass', ms: 30 },
      { op: 'bytes', hex: '010000000000000c0001000000000001' },
      { op: 'pass', ms: 30 },
      { op: 'bytes', hex: '00000000' },
      FENCE,
    ],
    TCP,
  ),
  ...forServers(
    'preface-and-hello-in-one',
    [greet('ab514e54010000000000000c000100000000000100000000'), { op: 'pass', ms: 100 }, FENCE],
    TCP,
  ),
  ...forServers('silence', [greet(''), { op: 'awaitClose', withinMs: 9_000 }], TCP),
  ...forServers('half-a-preface', [greet('ab514e'), { op: 'awaitClose', withinMs: 9_000 }], TCP),
  ...forServers('preface-alone', [greet('ab514e5401000000'), { op: 'awaitClose', withinMs: 9_000 }], TCP),
  ...forServers(
    'late-preface-and-no-hello',
    [greet(''), { op: 'pass', ms: 3_000 }, { op: 'bytes', hex: 'ab514e5401000000' }, { op: 'awaitClose', withinMs: 9_000 }],
    TCP,
  ),
  ...forServers('end-of-the-stream', [OPEN, FENCE, { op: 'close' }, { op: 'pass', ms: 3_000 }], TCP),
  ...forServers(
    'end-inside-a-frame',
    [OPEN, { op: 'bytes', hex: '0000000c0003' }, { op: 'close' }, { op: 'pass', ms: 3_000 }],
    TCP,
  ),
  ...forServers(
    'end-inside-the-preface',
    [greet('ab51'), { op: 'pass', ms: 50 }, { op: 'close' }, { op: 'pass', ms: 3_000 }],
    TCP,
  ),
  ...forServers('graceful-end', [OPEN, { op: 'frame', type: typeOf('PING'), correlation: 2 }, AWAIT_CLOSE], TCP),
];
