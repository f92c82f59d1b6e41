import { FrameType, LIMITS } from '@qanat/core';
import type { Program } from '../../play/program.ts';
import { BOTH, begin, meddle, ONE_BROKER, pass, programs, work } from './steps.ts';

const setup = ONE_BROKER;
/** The frame header that LIMITS.FRAME_BYTES_MAX counts, less the length field. */
const HEAD_BYTES = 12;
const NODES = ['nameserver', 'broker'];

const pushAll = (more: Record<string, never> | object) => NODES.map((of) => ({ op: 'push', of, ...more }));

export const FRAME_PROGRAMS: readonly Program[] = [
  ...programs(
    'greased-frames',
    BOTH,
    (role) => [
      // NameServers that are not taken so are after a while: else nobody would come to the broker.
      meddle('*', 'HELLO', 'answer', 'grease', { times: 4 }),
      meddle('*', 'ROUTE_QUERY', 'answer', 'grease', { times: 4 }),
      meddle('broker-a', '*', 'answer', 'grease', { times: 20 }),
      meddle('*', '*', 'push', 'grease', { times: 60 }),
      begin(role),
      ...work(role),
      meddle('*', '*', 'answer', 'grease', { times: 60 }),
      ...work(role),
      ...pushAll({ flags: ['ONEWAY', 'IGNORABLE', 'ERROR'], correlation: 7 }),
      meddle('*', '*', 'answer', 'alter', { flags: 0x46, extra: '82e5080161', times: 20 }),
      ...work(role),
      pass(1_600),
    ],
    { setup },
  ),
  ...programs(
    'answers-with-payloads-twice-and-astray',
    BOTH,
    (role) => [
      meddle('broker-a', 'HELLO', 'answer', 'alter', { appended: 5, times: 2 }),
      meddle('*', 'HELLO', 'answer', 'alter', { appended: 5, times: 4 }),
      begin(role),
      ...work(role),
      meddle('*', '*', 'answer', 'stray', { times: 4 }),
      ...work(role),
      meddle('*', '*', 'answer', 'twice', { times: 4 }),
      ...work(role),
      pass(1_600),
    ],
    { setup },
  ),
  ...programs(
    'frames-in-pieces',
    BOTH,
    (role) => [
      meddle('*', 'HELLO', 'answer', 'pieces', { chunk: 1, times: 4 }),
      meddle('*', '*', 'answer', 'pieces', { chunk: 7, times: 12 }),
      begin(role),
      ...work(role),
      pass(1_600),
    ],
    { setup },
  ),
  ...programs(
    'requests-of-the-server',
    BOTH,
    (role) => [
      begin(role),
      ...work(role),
      ...pushAll({ frame: 'PING', correlation: 2 }),
      ...pushAll({ type: 0x3a5a, correlation: 4 }),
      ...pushAll({ type: FrameType.AUTH, correlation: 6, control: '0a00' }),
      ...pushAll({ flags: ['ONEWAY', 'IGNORABLE'] }),
      pass(1_200),
      ...work(role),
      pass(600),
    ],
    { setup },
  ),
  ...programs(
    'unknown-one-way-frame-that-may-not-be-ignored',
    BOTH,
    (role) => [begin(role), ...work(role), ...pushAll({ flags: ['ONEWAY'] }), pass(1_500), ...work(role)],
    { setup },
  ),
  ...programs(
    'frame-as-long-as-may-be',
    BOTH,
    (role) => [
      begin(role),
      ...work(role),
      { op: 'push', of: 'broker', flags: ['ONEWAY', 'IGNORABLE'], zeros: LIMITS.FRAME_BYTES_MAX - HEAD_BYTES },
      pass(1_500),
      ...work(role),
      pass(600),
    ],
    { setup },
  ),
  ...programs('routes-in-two-frames', BOTH, (role) => [
    meddle('*', 'ROUTE_QUERY', 'answer', 'split', { ms: 900, times: 3 }),
    begin(role),
    ...(role === 'consumer'
      ? work(role)
      : ['broker-a', 'broker-b'].map((broker) => ({ op: 'send', queue: { broker, queue: 0 }, timeoutMs: 5_000 }))),
    pass(1_000),
  ]),
  ...programs('assignment-in-two-frames', ['consumer'], (role) => [
    { op: 'publish', count: 1 },
    meddle('*', 'ASSIGNMENT', 'push', 'split', { ms: 900, times: 2 }),
    begin(role),
    ...work(role),
    pass(5_500),
    ...work(role),
  ]),
];
