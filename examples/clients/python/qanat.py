"""A small client of the Qanat protocol, version 1.0, with nothing but the standard library.

Written from the specification alone (spec/ in this repository); the ids in the comments are its clauses.
From the bottom up: control headers, record batches, one connection, routes. producer.py and consumer.py build on it.
"""
import collections
import concurrent.futures
import random
import re
import socket
import struct
import threading
import time
import zlib

PREFACE = bytes.fromhex('ab514e5401000000')
RESPONSE, ONEWAY, IGNORABLE, ERROR, MORE = 1, 2, 4, 8, 16
ATTEMPT_S, HELLO_S, ROUTE_POLL_S, AWAY_S, WAIT_MS = 3.0, 5.0, 30.0, 60.0, 15_000
FRAME_BYTES_MAX, FRAME_BEFORE_HELLO, INFLATED_MAX, BATCH_RECORDS, BATCH_BYTES = 4_259_840, 16_384, 16_777_216, 1000, 1 << 20
MORE_FRAMES, LIST_ITEMS, IN_FLIGHT, IDLE_MS = 256, 4096, 1024, 60_000
INTEGER_MAX = UNKNOWN_OFFSET = 2**53 - 1
WRONG_BROKER, NOT_MASTER, UNSUPPORTED_FRAME, TOPIC_NOT_FOUND, QUEUE_NOT_FOUND, OUT_OF_RANGE = 2001, 2002, 4002, 4005, 4006, 4009
SEQUENCE_CONFLICT, SEQUENCE_GAP, NOT_READY, LEASE_FENCED, PRODUCER_FENCED, UNKNOWN_PRODUCER = 4012, 4013, 5001, 8001, 8002, 8003


class QanatError(Exception):
    """The server answered with an error; its thousand says what may be done about it (chapter 05)."""
    def __init__(self, code, message='', retry_after_ms=0, expected_sequence=0, **_):
        super().__init__(f'{code} {message}')
        self.code, self.kind, self.retry_after_ms, self.expected_sequence = code, code // 1000, retry_after_ms, expected_sequence


class Unknown(Exception):
    """No answer came: the request may have taken effect."""


class NotSent(Exception):
    """The request was never handed to a connection."""


class Broken(Exception):
    """The peer's bytes are not Qanat."""


# ---- control headers: Protocol Buffers, as far as this client needs them --------------------------------------------

def varint(value):
    out = bytearray()
    while value > 0x7f:
        out.append(value & 0x7f | 0x80)
        value >>= 7
    return bytes(out) + bytes([value])


def read_varint(data, at, longest=10):
    value = shift = 0
    for at in range(at, min(at + longest, len(data))):
        value |= (data[at] & 0x7f) << shift
        shift += 7
        if data[at] < 0x80:
            if longest == 8 and value >= 2**53:
                raise Broken('a number that is too large')  # BAT-021
            return value, at + 1
    raise Broken('varint')


LENGTHS = {'n': 127, 's': 255, 'x': 255, 'm': 512, 'f': 1024}
Field = collections.namedtuple('Field', 'name kind items must')  # items: how many a list may have; 0 where it is no list


def layout(text, **inner):
    """'1 topic! n, 2 queues*16 Name': number, name, kind; ! must be there, * a list, of 16 items at most.

    Kinds: u unsigned, b bool, e enumeration of two values, n name, s label, m error message, f filter, x bytes, or a message."""
    fields = {}
    for number, name, must, many, kind in re.findall(r'(\d+) (\w+)(!?)(\*?\d*) (\w+)', text):
        fields[int(number)] = Field(name, inner.get(kind, kind), int(many[1:] or LIST_ITEMS) if many else 0, bool(must))
    return fields


OFFSETS = layout('1 topic! n, 2 queue u, 3 offset u, 4 lease_epoch u')
CODES = layout('1 results* Code', Code=layout('1 topic! n, 2 queue u, 3 code u'))
MEMBER_OFFSETS = layout('1 group! n, 2 member s, 3 offsets* Offset', Offset=OFFSETS)
ASSIGNED = layout('1 group! n, 2 member! s, 3 generation u, 4 members u, 5 queues u, 6 leases* Lease, 7 idle b',
                  Lease=layout('1 topic! n, 2 queue u, 3 epoch u, 4 start_offset u, 5 state e'))
ROUTES = layout('1 routes* Route, 2 brokers* Broker',
                Route=layout('1 topic! n, 2 code u, 3 shares* Share', Share=layout('1 broker! n, 2 queues u')),
                Broker=layout('1 broker! n, 2 cluster n, 3 store_id x, 4 term u, 5 endpoints*16 Endpoint, '
                              '6 away b, 7 creates_topics b',
                              Endpoint=layout('1 listener s, 2 scheme! s, 3 address! s')))
ERROR_INFO = layout('1 code! u, 2 message m, 3 retry_after_ms u, 4 expected_sequence u')
FRAMES = {  # type: request, response
    0x0001: (layout('1 minor u, 4 software s, 7 label s'),
             layout('1 minor u, 3 software s, 4 role e, 5 name n, 6 store_id x, 7 term u, 8 frame_bytes_max u, '
                    '9 batch_bytes_max u, 10 in_flight_max u, 11 idle_ms u')),
    0x0003: ({}, {}),
    0x0004: (layout('1 code u, 2 message m, 3 grace_ms u'), None),
    0x0104: (layout('1 topics* s, 2 all b, 3 watch b'), ROUTES),
    0x0105: (ROUTES, None),
    0x0201: (layout('1 name s, 2 producer_id u, 4 epoch u'), layout('1 producer_id u, 2 epoch u')),
    0x0202: (layout('1 topic! n, 2 queue u, 3 ack u'), layout('1 base_offset u, 2 store_time_ms u, 3 duplicate b')),
    0x0301: (layout('1 group n, 2 member s, 3 poll u, 4 wait_ms u, 5 max_bytes u, 6 topics* Topic',
                    Topic=layout('1 topic! n, 2 filter f, 3 queues* Queue',
                                 Queue=layout('1 queue u, 2 offset u, 3 lease_epoch u, 4 max_bytes u'))),
             layout('1 results* Result', Result=layout('1 topic! n, 2 queue u, 3 code u, 4 next_offset u, 5 high_watermark u, '
                                                       '6 oldest_offset u, 7 bytes u'))),
    0x0302: (MEMBER_OFFSETS, CODES),
    0x0401: (layout('1 group! n, 2 member! s, 3 label s, 4 generation u, 5 revision u, 6 subscription Sub, 7 joined_ago_ms u, '
                    '8 session_ms u', Sub=layout('3 version u, 4 topics* Topic, 5 from u, 6 from_time_ms u',
                                                 Topic=layout('1 topic! n, 2 filter f'))),
             layout('1 generation u, 2 want_subscription b, 3 heartbeat_ms u, 4 session_ms u, 5 assignment A', A=ASSIGNED)),
    0x0402: (ASSIGNED, None),
    0x0403: (MEMBER_OFFSETS, CODES),
    0x0404: (MEMBER_OFFSETS, CODES),
    0x0601: (layout('1 topic! n, 2 queues u, 3 on_demand b'), layout('1 queues u, 2 existed b')),
}
HELLO, PING, GOAWAY, ROUTE_QUERY, ROUTE_UPDATE, INIT_PRODUCER, SEND = 1, 3, 4, 0x104, 0x105, 0x201, 0x202
PULL, OFFSET_COMMIT, CLIENT_HEARTBEAT, ASSIGNMENT, RELEASE, LEAVE, TOPIC_CREATE = 0x301, 0x302, 0x401, 0x402, 0x403, 0x404, 0x601


def encode(fields, header):
    out = b''
    for number, field in sorted(fields.items()):  # TYP-010: in order, defaults left out
        value = header.get(field.name)
        for value in (value or ()) if field.items else [value] if value not in (None, 0, '', b'') else []:
            if field.kind in ('u', 'b', 'e'):
                out += varint(number << 3) + varint(int(value))
            else:
                data = value if field.kind == 'x' else value.encode() if isinstance(value, str) else encode(field.kind, value)
                out += varint(number << 3 | 2) + varint(len(data)) + data
    return out


def wire_fields(data):
    """(number, value) of each field: an int, or the bytes; Broken where the header is no well-formed message (TYP-007)."""
    at = 0
    while at < len(data):
        tag, at = read_varint(data, at)
        wire = tag & 7
        if tag < 8 or wire not in (0, 1, 2, 5):
            raise Broken(f'tag {tag}')
        if wire == 0:
            value, at = read_varint(data, at)
        else:
            length, at = read_varint(data, at) if wire == 2 else (8 if wire == 1 else 4, at)
            value, at = data[at:at + length], at + length
        if at > len(data):
            raise Broken('a control header that ends too early')
        yield tag >> 3, value if wire in (0, 2) else None


def decode(fields, data):
    header = {field.name: [] if field.items else {'u': 0, 'e': 0, 'b': False, 'x': b''}.get(field.kind, '')
              if isinstance(field.kind, str) else None for field in fields.values()}
    for number, value in wire_fields(data):
        field = fields.get(number)
        if field is None or isinstance(value, int) != (field.kind in ('u', 'b', 'e')) or value is None:
            continue  # TYP-002: skip what is not known
        value = read_value(field, value)
        if field.items:
            header[field.name].append(value)
            if len(header[field.name]) > field.items:
                raise Broken(f'more than {field.items} {field.name}')  # TYP-006
        else:
            header[field.name] = value
    for field in fields.values():
        if field.must and not header[field.name]:
            raise Broken(f'{field.name} is missing')  # TYP-004
    return header


def read_value(field, value):
    if isinstance(value, int):
        if value > INTEGER_MAX or field.kind == 'e' and value > 1:  # TYP-001, TYP-005
            raise Broken(f'{field.name} is {value}')
        return bool(value) if field.kind == 'b' else value
    if not isinstance(field.kind, str):
        return decode(field.kind, value)
    if len(value) > LENGTHS[field.kind]:
        raise Broken(f'{field.name} of {len(value)} bytes')  # TYP-006
    return value if field.kind == 'x' else value.decode(errors='replace')


# ---- record batches (chapter 10) -----------------------------------------------------------------------------------

HEAD = struct.Struct('>2sBBIQIIQIHHIIQQ')
Message = collections.namedtuple('Message', 'body key tag properties born_time_ms topic broker queue offset store_time_ms',
                                 defaults=(b'', '', '', {}, None, '', '', 0, 0, 0))


def encode_batch(messages, producer_id=0, epoch=0, base_sequence=0, compress=False, now_ms=None):
    born = int(time.time() * 1000) if now_ms is None else now_ms
    tags, keys = any(m.tag for m in messages), any(m.key for m in messages)
    columns = b''.join(struct.pack('>I', zlib.crc32(text.encode()))  # of the empty text it is 0
                       for there, texts in ((tags, [m.tag for m in messages]), (keys, [m.key for m in messages])) if there
                       for text in texts)

    def text(value):
        data = value.encode()
        return varint(len(data) + 1) + data if data else b'\0'

    def block(data):
        return varint(len(data)) + data

    records = b''
    for m in messages:
        delta = (born if m.born_time_ms is None else m.born_time_ms) - born
        properties = b''.join(block(name.encode()) + block(value.encode()) for name, value in m.properties.items())
        zigzag = varint(delta * 2 if delta >= 0 else -delta * 2 - 1)
        records += block(b'\0' + zigzag + text(m.key) + text(m.tag) + block(m.body) + varint(len(m.properties)) + properties)
    if compress:
        deflate = zlib.compressobj(wbits=-15)
        packed = struct.pack('>I', len(records)) + deflate.compress(records) + deflate.flush()
        compress = len(packed) < len(records)  # BAT-015
        records = packed if compress else records
    attributes = (1 if compress else 0) | (0x100 if tags else 0) | (0x200 if keys else 0)
    summed = struct.pack('>HHIIQQ', attributes, epoch & 0xffff, len(messages), base_sequence, producer_id, born)
    summed += columns + records
    return struct.pack('>2sBBI24xI', b'RB', 1, 8, 28 + len(summed), zlib.crc32(summed)) + summed  # BAT-001: 24 zeros


def decode_batch(data, stamped=True):
    """One whole batch: (base offset, record count, [Message]); Broken says why it cannot be read."""
    if len(data) < 64:
        raise Broken('batch of less than 64 bytes')
    (magic, version, units, length, base, _, head_sum, stored,
     body_sum, attributes, _, count, _, producer, born) = HEAD.unpack_from(data)
    at = units * 8
    if magic != b'RB' or version != 1 or not 64 <= at <= len(data) or length != len(data) - 8:
        raise Broken('batch header')
    if stamped and zlib.crc32(data[:20] + bytes(4) + data[24:32]) != head_sum:
        raise Broken('header checksum')
    if not 1 <= count <= 4096 or attributes & 0xf8 or attributes & 7 > 1 or max(producer, born) >= 2**53:
        raise Broken('attributes, record count or a number that is too large')
    if zlib.crc32(data[36:]) != body_sum:
        raise Broken('body checksum')
    at += 4 * count * ((attributes >> 8 & 1) + (attributes >> 9 & 1))
    if at > len(data):
        raise Broken('columns')
    records = data[at:]
    if attributes & 7:
        size = int.from_bytes(records[:4], 'big')
        if len(records) < 4 or size > INFLATED_MAX:
            raise Broken('inflated length')
        inflate = zlib.decompressobj(wbits=-15)
        try:
            records = inflate.decompress(records[4:], size + 1)  # BAT-012: not more than was declared
        except zlib.error as problem:
            raise Broken(f'deflate: {problem}')
        if len(records) != size or not inflate.eof:
            raise Broken('inflated length')
    messages, at = [], 0
    for index in range(count):
        length, at = read_varint(records, at, 8)
        record, at = records[at:at + length], at + length
        if at > len(records):
            raise Broken('record')
        pos = 1

        def block(pos, less=0):
            size, pos = read_varint(record, pos, 8)
            end = pos + max(size - less, 0)
            if end > len(record):
                raise Broken('record')
            return record[pos:end], end

        delta, pos = read_varint(record, pos, 8)
        key, pos = block(pos, 1)
        tag, pos = block(pos, 1)
        body, pos = block(pos)
        many, pos = read_varint(record, pos, 8)
        properties = {}
        for _ in range(many):
            name, pos = block(pos)
            value, pos = block(pos)
            properties[name.decode(errors='replace')] = value.decode(errors='replace')  # BAT-016: the last one counts
        time_ms = born + (delta >> 1 ^ -(delta & 1))
        if not 0 <= time_ms < 2**53:
            raise Broken('born time')  # BAT-021
        messages.append(Message(body, key.decode(errors='replace'), tag.decode(errors='replace'), properties, time_ms,
                                offset=base + index, store_time_ms=stored))
    return base, count, messages


def is_name(text):
    return re.fullmatch(r'[A-Za-z0-9_][A-Za-z0-9_.-]{0,126}', text, re.ASCII) is not None  # NAM-001


def is_tag(text):
    whole = 0 < len(text.encode()) <= 127 and text[0] not in ' *' and text[-1] != ' '
    return whole and not any(c < ' ' or c in '|\x7f' for c in text)


def filter_tags(text):
    """The tags that a filter lets through; None for every message."""
    tags = [tag.strip(' ') for tag in text.split('||')]
    if tags in ([''], ['*']):
        return None
    if len(tags) > 64 or len(text.encode()) > 1024 or not all(is_tag(tag) for tag in tags):
        raise ValueError(f'no filter: {text!r}')
    return set(tags)


def fmix32(h):
    h = (h ^ h >> 16) * 0x85ebca6b & 0xffffffff
    h = (h ^ h >> 13) * 0xc2b2ae35 & 0xffffffff
    return h ^ h >> 16


def queue_of_key(key, queues):
    """Rendezvous hashing over (broker, number), sorted (SND-024)."""
    mixed = fmix32(zlib.crc32(key.encode()))

    def weight(place):
        return fmix32(mixed ^ zlib.crc32(f'{place[0]}/{place[1]}'.encode()))
    return max(queues, key=weight)  # the first of equals


# ---- one connection (chapters 02, 03, 04, 07) ------------------------------------------------------------------------

class Connection:
    def __init__(self, address, on_push=None, on_end=None, expect=None, label=''):
        host, port = address.rsplit(':', 1)
        self.on_push, self.on_end = on_push, on_end
        self.lock, self.pending, self.parts = threading.Lock(), {}, {}  # pending: number -> (type, future)
        self.number, self.leaving, self.ended = 1, False, False
        self.socket = socket.create_connection((host.strip('[]'), int(port)), ATTEMPT_S)  # tries every address of the name
        try:
            self.socket.settimeout(HELLO_S)
            self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            hello = encode(FRAMES[HELLO][0], {'software': 'qanat-python-example/1', 'label': label})
            self.sent_at = time.monotonic()
            self.socket.sendall(PREFACE + self._frame(HELLO, 0, 1, hello))
            deadline = time.monotonic() + HELLO_S
            for byte in PREFACE[:5]:  # TCP-002: as they come
                if self._read(1)[0] != byte:
                    raise Broken('preface')
            self._read(3)
            while True:
                self.socket.settimeout(max(deadline - time.monotonic(), 0.001))
                kind, flags, number, header, payload = self._read_frame(FRAME_BEFORE_HELLO)
                if kind == GOAWAY and not flags & RESPONSE:
                    raise QanatError(**decode(FRAMES[GOAWAY][0], header))
                if flags & RESPONSE and kind == HELLO and number == 1:
                    break
            if flags & ERROR:
                raise QanatError(**decode(ERROR_INFO, header))
            self.hello = decode(FRAMES[HELLO][1], header)
            if expect is not None and self.hello['name'] != expect:  # CON-013: addresses are reused, names are not
                raise Broken(f'{address} is {self.hello["name"]}, not {expect}')
            self.in_flight_max = self.hello['in_flight_max'] or IN_FLIGHT
            self.idle = (self.hello['idle_ms'] or IDLE_MS) / 1000
            self.socket.settimeout(self.idle)  # KAL-004: nothing heard for so long: gone
        except (OSError, QanatError, Broken):
            self.socket.close()
            raise
        threading.Thread(target=self._listen, daemon=True).start()
        threading.Thread(target=self._keep_alive, daemon=True).start()

    @staticmethod
    def _frame(kind, flags, number, header, payload=b''):
        return struct.pack('>IHBBII', 12 + len(header) + len(payload), kind, flags, 0, number, len(header)) + header + payload

    def _read(self, size):
        data = bytearray()
        while len(data) < size:
            piece = self.socket.recv(min(size - len(data), 1 << 16))  # FRM-003: memory as the bytes come
            if not piece:
                raise OSError('the peer closed')
            data += piece
        return bytes(data)

    def _read_frame(self, longest=FRAME_BYTES_MAX):
        length, kind, flags, _, number, size = struct.unpack('>IHBBII', self._read(4) + self._read(12))
        if length < 12 or length > longest or size > length - 12 or size > 65536:
            raise Broken('frame lengths')
        body = self._read(length - 12)
        return kind, flags, number, body[:size], body[size:]

    def _listen(self):
        try:
            while True:
                self._take(*self._read_frame())
        except (OSError, Broken) as problem:
            self.close(problem)

    def _take(self, kind, flags, number, header, payload):
        if flags & RESPONSE:
            with self.lock:
                want, future = self.pending.get(number, (None, None))
            if want != kind:
                return  # FRM-018
            failed = decode(ERROR_INFO, header) if flags & ERROR else None
            whole = None if failed else self._joined(number, flags, decode(FRAMES[kind][1], header))
            if not failed and whole is None:
                return  # more of it follows
            self.parts.pop(number, None)
            with self.lock:
                if self.pending.pop(number, None) is None:
                    return
            if failed:
                future.set_exception(QanatError(**failed))
            else:
                future.set_result((whole, payload))
        elif not flags & ONEWAY:  # a request of the server
            code = None if kind == PING else encode(ERROR_INFO, {'code': UNSUPPORTED_FRAME})
            self._write(self._frame(kind, RESPONSE | (ERROR if code else 0), number, code or b''))
        elif kind == GOAWAY:
            decode(FRAMES[GOAWAY][0], header)
            self.leaving = True
            if self.on_end:
                self.on_end()
        elif kind in (ROUTE_UPDATE, ASSIGNMENT):
            whole = self._joined(('push', kind), flags, decode(FRAMES[kind][0], header))
            if whole is not None and self.on_push:
                self.on_push(self, kind, whole)
        elif kind not in FRAMES and not flags & IGNORABLE:
            raise Broken(f'one-way frame {kind:#06x}')  # FRM-024

    def _joined(self, key, flags, header):
        """FRM-012: the lists one behind the other, the rest from the first frame; None while more of it follows."""
        first, count = self.parts.pop(key, (None, 0))
        if first is not None:
            extend(first, header)
            header = first
        if count == MORE_FRAMES:
            raise Broken('frames without an end')  # FRM-013
        if flags & MORE:
            self.parts[key] = header, count + 1
            return None
        return header

    def _keep_alive(self):
        every = min(20.0, self.idle / 3)
        while not self.ended:
            time.sleep(min(1.0, every / 4))
            if time.monotonic() - self.sent_at >= every:
                try:
                    self.start(PING, {}, even_when_leaving=True)
                except NotSent:
                    return

    def _write(self, data):
        try:
            with self.lock:
                self.sent_at = time.monotonic()
                self.socket.sendall(data)
        except OSError as problem:
            self.close(problem)

    def start(self, kind, header, payload=b'', even_when_leaving=False):
        """Sends a request; its future has (header, payload), a QanatError or Unknown."""
        future = concurrent.futures.Future()
        with self.lock:
            if self.ended or self.leaving and not even_when_leaving or len(self.pending) >= self.in_flight_max:
                raise NotSent('the connection takes no more requests')
            while True:
                self.number = (self.number + 2) % 2**32
                if self.number not in self.pending:
                    break
            number = self.number
            self.pending[number] = (kind, future)
        self._write(self._frame(kind, 0, number, encode(FRAMES[kind][0], header), payload))
        return future

    def request(self, kind, header, payload=b'', timeout=ATTEMPT_S):
        try:
            return self.start(kind, header, payload).result(timeout)
        except concurrent.futures.TimeoutError:
            raise Unknown('no answer in time') from None

    def close(self, problem='closed'):
        with self.lock:
            if self.ended:
                return
            self.ended, pending, self.pending = True, self.pending, {}
        try:
            self.socket.shutdown(socket.SHUT_RDWR)
        except OSError:
            pass
        self.socket.close()
        for _, future in pending.values():
            future.set_exception(Unknown(str(problem)))
        if self.on_end:
            self.on_end()


def extend(first, header):
    for name, value in header.items():
        if isinstance(value, list):
            first[name] += value
        elif isinstance(value, dict) and first[name]:
            extend(first[name], value)  # a heartbeat's answer has its lists in the assignment


class BackOff:
    """CON-025: a random time between half and all of 100 ms × 2^n, at most 5 s."""
    def __init__(self):
        self.failures, self.until = 0, 0.0

    def next(self):
        longest = min(0.1 * 2 ** min(self.failures, 10), 5.0)
        self.failures += 1
        return random.uniform(longest / 2, longest)

    def failed(self):
        self.until = time.monotonic() + self.next()

    def rest(self, deadline):
        """Waits until the address may be tried again; False where that is behind the deadline."""
        time.sleep(max(min(self.until, deadline) - time.monotonic(), 0))
        return time.monotonic() >= self.until


# ---- routes (chapter 09) ---------------------------------------------------------------------------------------------

class Routes:
    """What the NameServers say: one connection, topics watched, the next NameServer when it fails."""
    def __init__(self, nameservers, label=''):
        self.addresses, self.label, self.changed = list(nameservers), label, threading.Condition()
        self.topics = {}    # topic -> {broker: (queues, when a route named it last)}
        self.codes = {}     # topic -> code of its last route
        self.old = set()    # topics of which a broker said that their route is no longer right
        self.brokers = {}   # broker -> (address, away)
        self.creators = set()
        self.stopped, self.wake, self.connection = False, threading.Event(), None
        threading.Thread(target=self._run, daemon=True).start()

    def watch(self, topic):
        with self.changed:
            if topic not in self.topics:
                self.topics[topic] = {}
                self.wake.set()

    def renew(self, topics):
        """RTE-024: asks anew, at most once a second."""
        with self.changed:
            self.old.update(topics)
        self.wake.set()

    def queues(self, topic):
        """All queues of the topic, those of away brokers included, sorted: [(broker, number)]."""
        with self.changed:
            shares = self.topics.get(topic, {})
            return [(broker, queue) for broker in sorted(shares, key=str.encode) for queue in range(shares[broker][0])]

    def _run(self):
        waits, at = BackOff(), 0
        while not self.stopped:
            try:
                self.connection = connection = Connection(self.addresses[at % len(self.addresses)], self._push, self.wake.set,
                                                          label=self.label)
                waits.failures = 0
                asked = {}  # topic -> when, on this connection
                while not self.stopped and not connection.ended and not connection.leaving:
                    self.wake.clear()
                    now = time.monotonic()
                    with self.changed:
                        due = [topic for topic in self.topics if asked.get(topic, 0) + self._every(topic) <= now]
                        self.old.difference_update(due)
                    for start in range(0, len(due), 256):  # a control header has 64 KiB
                        self._take(connection.request(ROUTE_QUERY, {'topics': due[start:start + 256], 'watch': True})[0])
                    asked.update(dict.fromkeys(due, now))
                    soonest = min((at + self._every(topic) for topic, at in asked.items()), default=now + ROUTE_POLL_S)
                    self.wake.wait(max(soonest - time.monotonic(), 0))
                connection.close()
            except (OSError, Unknown, NotSent, QanatError, Broken):
                if self.connection:
                    self.connection.close()
                if at % len(self.addresses) == len(self.addresses) - 1:  # all of them failed
                    time.sleep(waits.next())
            at += 1

    def _every(self, topic):
        return 1.0 if topic in self.old or self.codes.get(topic) == NOT_READY else ROUTE_POLL_S

    def _push(self, _, kind, header):
        if kind == ROUTE_UPDATE:
            self._take(header)

    def _take(self, header):
        now, shares = time.monotonic(), {}
        with self.changed:
            for broker in header['brokers']:
                for endpoint in broker['endpoints']:
                    if endpoint['scheme'] == 'qanat':
                        self.brokers[broker['broker']] = endpoint['address'], broker['away']
                        break
                creates = broker['creates_topics'] and not broker['away']
                (self.creators.add if creates else self.creators.discard)(broker['broker'])
            for route in header['routes']:
                self.codes[route['topic']] = route['code']
                topic = shares.setdefault(route['topic'], {})
                for share in route['shares']:  # RTE-021: several routes of a topic add up
                    topic[share['broker']] = share['queues']
            for name, now_named in shares.items():
                known = {b: s for b, s in self.topics.get(name, {}).items() if now - s[1] < AWAY_S}  # RTE-025
                known.update({broker: (queues, now) for broker, queues in now_named.items()})
                self.topics[name] = known
            self.changed.notify_all()

    def missing(self, topic):
        """RTE-018: whether every NameServer that can be reached says that the topic does not exist."""
        said = set()
        for address in self.addresses:
            try:
                connection = Connection(address)
                try:
                    header, _ = connection.request(ROUTE_QUERY, {'topics': [topic]})
                finally:
                    connection.close()
            except (OSError, Unknown, NotSent, QanatError, Broken):
                continue
            self._take(header)
            said |= {route['code'] for route in header['routes']}
        return said == {TOPIC_NOT_FOUND}

    def close(self):
        self.stopped = True
        self.wake.set()
        if self.connection:
            self.connection.close()
