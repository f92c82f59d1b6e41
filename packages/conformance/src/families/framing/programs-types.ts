import type { LiveFrame } from '@qanat/core';
import type { Program, Step } from '../../play/program.ts';
import { bytesField, numberField, textField, typeOf, UNKNOWN_FIELDS, varintHex } from './hex.ts';
import { AWAIT_CLOSE, CONNECT, FENCE, forServers, OPEN, programFor, STORE } from './steps.ts';

const TOO_LARGE = 2n ** 53n;

/** A request with a control header in hex, answered. */
const raw = (frame: LiveFrame, control: string): Step => ({ op: 'frame', type: typeOf(frame), control, wait: true });
/** A request on a connection of its own, which it ends. */
const last = (frame: LiveFrame, control: string): readonly Step[] => [
  OPEN,
  { op: 'frame', type: typeOf(frame), control },
  AWAIT_CLOSE,
];
const hello = (control: string): Step => ({ op: 'frame', type: typeOf('HELLO'), control, wait: true });
const refusedHello = (control: string): readonly Step[] => [CONNECT, { ...hello(control), wait: false } as Step, AWAIT_CLOSE];

const STORE_HEX = STORE.$hex;
/** Half a character in the bytes that UTF-8 forbids. */
const LONE_SURROGATE = 'eda080';
const TOPIC = textField(1, 'orders');

/** Control headers that are no messages, whatever their fields mean. */
const MALFORMED = {
  'cut-number': '08',
  'cut-length': '0a05',
  'text-over-the-end': '0a056162',
  'no-such-wire-type': '0f00',
  'field-number-zero': '0000',
  'number-of-eleven-bytes': `08${'80'.repeat(10)}01`,
  'cut-unknown-field': varintHex(18_005 * 8 + 2),
} as const;

const malformed = (frame: LiveFrame): readonly Step[] => Object.values(MALFORMED).flatMap((control) => last(frame, control));

const HELLO_PROGRAMS: readonly Program[] = [
  ...forServers('empty-hello', [CONNECT, hello(''), FENCE]),
  ...forServers('hello-with-unknown-fields', [CONNECT, hello(textField(4, 'kit') + UNKNOWN_FIELDS), FENCE]),
  ...forServers('hello-with-a-field-twice', [CONNECT, hello(numberField(6, 7_001) + numberField(6, 45_007)), FENCE]),
  ...forServers('hello-with-the-longest-fields', [
    CONNECT,
    hello(textField(4, 's'.repeat(255)) + textField(7, 'é'.repeat(127))),
    FENCE,
  ]),
  ...forServers('hello-with-long-lists', [CONNECT, hello(bytesField(2, '3a'.repeat(4_096))), FENCE]),
  ...forServers('hello-with-a-long-field', refusedHello(textField(4, 's'.repeat(256)))),
  ...forServers('hello-with-a-long-label', refusedHello(textField(7, 'é'.repeat(128)))),
  ...forServers('hello-with-too-long-a-list', refusedHello(bytesField(2, '3a'.repeat(4_097)))),
  ...forServers(
    'malformed-hello',
    Object.values(MALFORMED).flatMap((control) => refusedHello(control)),
  ),
];

const NAME_SERVER_PROGRAMS: readonly Program[] = [
  programFor('nameserver', 'too-large-integers', [
    OPEN,
    raw('BROKER_HEARTBEAT', textField(1, 'b') + bytesField(2, STORE_HEX) + numberField(4, TOO_LARGE)),
    raw('BROKER_HEARTBEAT', textField(1, 'b') + bytesField(2, STORE_HEX) + numberField(4, 2n ** 64n - 1n)),
    raw('BROKER_HEARTBEAT', textField(1, 'b') + bytesField(2, STORE_HEX) + numberField(4, TOO_LARGE - 1n)),
    raw('REGISTER_BROKER', textField(1, 'b') + numberField(5, TOO_LARGE)),
    FENCE,
  ]),
  programFor('nameserver', 'missing-fields', [
    OPEN,
    raw('BROKER_HEARTBEAT', ''),
    raw('BROKER_HEARTBEAT', textField(1, 'b')),
    raw('BROKER_HEARTBEAT', bytesField(2, STORE_HEX)),
    raw('BROKER_HEARTBEAT', textField(1, '') + bytesField(2, STORE_HEX)),
    raw('BROKER_HEARTBEAT', textField(1, 'b') + bytesField(2, '')),
    raw('UNREGISTER_BROKER', numberField(9, 1)),
    raw('REGISTER_BROKER', textField(1, 'b') + bytesField(6, textField(2, 'qanat'))),
    FENCE,
  ]),
  programFor('nameserver', 'long-fields', [
    OPEN,
    raw('BROKER_HEARTBEAT', textField(1, 'b'.repeat(128)) + bytesField(2, STORE_HEX)),
    raw('BROKER_HEARTBEAT', textField(1, 'b'.repeat(127)) + bytesField(2, '00'.repeat(255))),
    raw('BROKER_HEARTBEAT', textField(1, 'b') + bytesField(2, '00'.repeat(256))),
    { op: 'long', frame: 'ROUTE_QUERY', item: textField(1, 'a'), times: 4_097, wait: true },
    { op: 'long', frame: 'ROUTE_QUERY', item: textField(1, 'a'), times: 4_096, wait: true },
    FENCE,
  ]),
  programFor('nameserver', 'malformed-control-headers', malformed('ROUTE_QUERY')),
  programFor('nameserver', 'malformed-inside', last('REGISTER_BROKER', textField(1, 'b') + bytesField(9, '0a05'))),
  programFor('nameserver', 'unknown-fields', [
    OPEN,
    { op: 'request', frame: 'ROUTE_QUERY', header: { topics: ['~orders'] }, extra: UNKNOWN_FIELDS },
    raw('REGISTER_BROKER', textField(1, 'b') + bytesField(9, TOPIC + UNKNOWN_FIELDS)),
    raw('ROUTE_QUERY', ''),
    FENCE,
  ]),
];

const BROKER_PROGRAMS: readonly Program[] = [
  programFor('broker', 'too-large-integers', [
    OPEN,
    raw('INIT_PRODUCER', numberField(2, TOO_LARGE)),
    raw('INIT_PRODUCER', numberField(2, 2n ** 64n - 1n)),
    raw('INIT_PRODUCER', numberField(2, TOO_LARGE - 1n)),
    raw('OFFSET_COMMIT', textField(1, 'g') + bytesField(3, TOPIC + numberField(3, TOO_LARGE))),
    FENCE,
  ]),
  programFor('broker', 'missing-fields', [
    OPEN,
    raw('TOPIC_CREATE', ''),
    raw('TOPIC_CREATE', textField(1, '') + numberField(2, 1)),
    raw('PULL', ''),
    raw('PULL', bytesField(6, TOPIC)),
    raw('CLIENT_HEARTBEAT', textField(1, 'g')),
    raw('OFFSET_FETCH', textField(1, 'g') + bytesField(2, numberField(2, 1))),
    raw('SEND', numberField(2, 1)),
    FENCE,
  ]),
  programFor('broker', 'unknown-enumeration-values', [
    OPEN,
    raw('OFFSET_LOOKUP', bytesField(1, TOPIC + numberField(3, 4))),
    raw('SEND', TOPIC + numberField(3, 3)),
    raw('OFFSET_COMMIT', textField(1, 'g') + bytesField(3, TOPIC) + numberField(4, 3)),
    raw('CLIENT_HEARTBEAT', textField(1, 'g') + textField(2, 'm') + bytesField(6, numberField(2, 99) + bytesField(4, TOPIC))),
    FENCE,
  ]),
  programFor('broker', 'long-fields', [
    OPEN,
    raw('TOPIC_CREATE', textField(1, 't'.repeat(128))),
    raw('INIT_PRODUCER', textField(1, 'é'.repeat(128))),
    raw('PULL', bytesField(6, TOPIC + textField(2, 't'.repeat(1_025)) + bytesField(3, ''))),
    { op: 'long', frame: 'OFFSET_LOOKUP', item: bytesField(1, textField(1, 'a')), times: 4_097, wait: true },
    {
      op: 'long',
      frame: 'OFFSET_FETCH',
      head: textField(1, 'g'),
      item: bytesField(2, textField(1, 'a')),
      times: 4_097,
      wait: true,
    },
    FENCE,
  ]),
  programFor('broker', 'malformed-control-headers', malformed('TOPIC_DESCRIBE')),
  programFor('broker', 'malformed-inside', last('OFFSET_FETCH', textField(1, 'g') + bytesField(2, '0a05'))),
  programFor('broker', 'unknown-fields', [
    OPEN,
    { op: 'request', frame: 'TOPIC_CREATE', header: { topic: '~orders', queues: 1 }, extra: UNKNOWN_FIELDS },
    { op: 'request', frame: 'TOPIC_LIST', extra: UNKNOWN_FIELDS },
    raw('OFFSET_LOOKUP', bytesField(1, TOPIC + UNKNOWN_FIELDS)),
    raw('TOPIC_LIST', ''),
    raw('GROUP_LIST', ''),
    raw('INIT_PRODUCER', ''),
    { op: 'request', frame: 'OFFSET_LOOKUP', header: { queues: [{ topic: '~orders' }] } },
    { op: 'request', frame: 'OFFSET_FETCH', header: { group: '~g', queues: [{ topic: '~orders' }] } },
    FENCE,
  ]),
  programFor('broker', 'texts-that-come-back', [
    OPEN,
    raw('TOPIC_CREATE', textField(1, 'a'.repeat(79) + '😀'.repeat(12))),
    raw('TOPIC_CREATE', bytesField(1, 'ff80fe'.repeat(20))),
    raw('TOPIC_DESCRIBE', textField(1, 'é'.repeat(63))),
    {
      op: 'request',
      frame: 'CLIENT_HEARTBEAT',
      header: { group: '~g', member: 'm', revision: 1, subscription: { topics: [{ topic: '~orders' }] } },
      extra: bytesField(3, LONE_SURROGATE),
    },
    { op: 'request', frame: 'GROUP_DESCRIBE', header: { group: '~g' } },
    FENCE,
  ]),
];

export const TYPE_PROGRAMS: readonly Program[] = [...HELLO_PROGRAMS, ...NAME_SERVER_PROGRAMS, ...BROKER_PROGRAMS];
