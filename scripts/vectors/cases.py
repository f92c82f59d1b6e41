"""The cases of the codec and function vectors."""
import struct
import zlib

import mqtt_cases
from qanat_wire import ENUMS, crc32, crc32_bitwise, encode_batch, encode_frame, encode_message, entry_parts, fmix32, frame_parts

SPEC = "1.0"


def family(name, clauses, cases):
    return {"id": name, "spec": SPEC, "clauses": clauses, "cases": cases}


def ids(*short):
    return [f"QNT-{one}" for one in short]


def families():
    return [preface(), frames(), headers(), hello(), batches(), errors(), allocate(), circle(), sticky(), rendezvous(), checksums(), sequence(), *mqtt_cases.families()]


def preface():
    good = "ab514e54"
    mark, major, reserved, early = "INV-001", "INV-003", "INV-004", "TCP-002"
    return family("preface", ids(mark, major, reserved, early), [
        {"hex": good + "01000000", "major": 1, "clauses": ids(mark, major)},
        {"hex": good + "01ff80aa", "major": 1, "clauses": ids(reserved), "why": "reserved bytes are ignored"},
        {"hex": good + "02000000", "error": "UNSUPPORTED_VERSION", "clauses": ids(major)},
        {"hex": good + "00000000", "error": "UNSUPPORTED_VERSION", "clauses": ids(major)},
        {"hex": good + "ff", "error": "UNSUPPORTED_VERSION", "clauses": ids(major), "why": "judged before the eighth byte"},
        {"hex": "ab514e55", "error": "MALFORMED_FRAME", "clauses": ids(mark, early)},
        {"hex": "16", "error": "MALFORMED_FRAME", "clauses": ids(mark, early), "why": "TLS"},
        {"hex": "474554202f", "error": "MALFORMED_FRAME", "clauses": ids(mark, early), "why": "HTTP"},
        {"hex": "10", "error": "MALFORMED_FRAME", "clauses": ids(mark, early), "why": "MQTT"},
        {"hex": "0000", "error": "MALFORMED_FRAME", "clauses": ids(mark, early), "why": "RocketMQ"},
        {"hex": good[:6], "incomplete": True, "clauses": ids(early)},
        {"hex": "", "incomplete": True, "clauses": ids(early)},
    ])


STORE = "000102030405060708090a0b0c0d0e0f"
ENDPOINT = {"listener": "default", "scheme": "qanat", "address": "10.0.0.1:7610"}
LEASE = {"topic": "orders", "queue": 1, "epoch": 3 << 20 | 2, "start_offset": 42, "state": "RELEASING"}
TINY_BATCH = {"born_time_ms": 1000, "records": [{"body": "a"}]}

# Every frame type in each direction: type, kind, header, payload.
def state_entry(key, value="", version=0, removed=False, expected=None):
    """A state entry in hex, from the table of chapter 23."""
    data = key.encode()
    flags = (1 if removed else 0) | (0 if expected is None else 2)
    head = struct.pack(">HHIQ", len(data), flags, len(value.encode()), version if expected is None else expected)
    return (head + data + value.encode()).hex()


FRAME_CASES = [
    ("HELLO", "request", {"minor": 2, "features": [1, 58], "required_features": [300], "software": "x/1", "frame_bytes_max": 65536,
                          "idle_ms": 5000, "label": "ünï"}, None),
    ("HELLO", "response", {"features": [1], "role": "BROKER", "name": "b1", "store_id": STORE, "term": 4294967295,
                           "frame_bytes_max": 4259840, "batch_bytes_max": 4194304, "in_flight_max": 1024, "idle_ms": 5000}, None),
    ("PING", "request", {}, None),
    ("PING", "response", {}, None),
    ("GOAWAY", "push", {"code": 5002, "message": "stops", "grace_ms": 5000}, None),
    ("REGISTER_BROKER", "request", {"broker": "b1", "cluster": "default", "store_id": STORE, "term": 3, "revision": 9007199254740991,
                                    "endpoints": [ENDPOINT], "creates_topics": True, "software": "qanat",
                                    "topics": [{"topic": "orders", "queues": 4}]}, None),
    ("REGISTER_BROKER", "response", {"heartbeat_ms": 1000, "expiry_ms": 5000}, None),
    ("UNREGISTER_BROKER", "request", {"broker": "b1", "store_id": STORE}, None),
    ("UNREGISTER_BROKER", "response", {}, None),
    ("BROKER_HEARTBEAT", "request", {"broker": "b1", "store_id": STORE, "term": 3, "revision": 7}, None),
    ("BROKER_HEARTBEAT", "response", {"register": True}, None),
    ("ROUTE_QUERY", "request", {"topics": ["orders", "audit"], "watch": True}, None),
    ("ROUTE_QUERY", "request", {"all": True}, None),
    ("ROUTE_QUERY", "response", {"routes": [{"topic": "orders", "shares": [{"broker": "b1", "queues": 4}]},
                                            {"topic": "audit", "code": 4005}],
                                 "brokers": [{"broker": "b1", "cluster": "default", "store_id": STORE, "term": 3,
                                              "endpoints": [ENDPOINT], "away": True, "creates_topics": True}]}, None),
    ("ROUTE_UPDATE", "push", {"routes": [{"topic": "orders", "shares": [{"broker": "b1", "queues": 8}]}]}, None),
    ("INIT_PRODUCER", "request", {"name": "loader"}, None),
    ("INIT_PRODUCER", "request", {"producer_id": 3145729}, None),
    ("INIT_PRODUCER", "response", {"producer_id": 3145729, "epoch": 1}, None),
    ("SEND", "request", {"topic": "orders", "queue": 3, "ack": "ACK_LEADER"}, {"batches": [TINY_BATCH]}),
    ("SEND", "push", {"topic": "orders", "ack": "ACK_NONE"}, {"batches": [TINY_BATCH]}),
    ("SEND", "response", {"base_offset": 9007199254740991, "store_time_ms": 1700000000000, "duplicate": True}, None),
    ("SEND", "error", {"code": 4013, "message": "gap", "expected_sequence": 4294967295}, None),
    ("PULL", "request", {"group": "billing", "member": "m1", "poll": 7, "wait_ms": 30000, "max_bytes": 65536,
                         "topics": [{"topic": "orders", "filter": "paid || shipped",
                                     "queues": [{"offset": 42, "lease_epoch": 3145730}, {"queue": 1, "max_bytes": 1000}]}]}, None),
    ("PULL", "response", {"results": [{"topic": "orders", "next_offset": 43, "high_watermark": 43, "oldest_offset": 1, "bytes": 72},
                                      {"topic": "orders", "queue": 1, "code": 8001}]},
     {"batches": [TINY_BATCH]}),
    ("PULL", "response", {}, None),
    ("OFFSET_COMMIT", "request", {"group": "billing", "member": "m1", "kind": "FREE",
                                  "offsets": [{"topic": "orders", "offset": 43, "lease_epoch": 3145730}]}, None),
    ("OFFSET_COMMIT", "response", {"results": [{"topic": "orders", "queue": 2, "code": 4009}]}, None),
    ("OFFSET_FETCH", "request", {"group": "billing", "queues": [{"topic": "orders"}, {"topic": "orders", "queue": 300}]}, None),
    ("OFFSET_FETCH", "response", {"offsets": [{"topic": "orders", "committed": True, "offset": 43}]}, None),
    ("OFFSET_LOOKUP", "request", {"queues": [{"topic": "orders", "position": "AT_TIME", "time_ms": 1700000000000}]}, None),
    ("OFFSET_LOOKUP", "response", {"offsets": [{"topic": "orders", "queue": 9, "code": 4006}]}, None),
    ("CLIENT_HEARTBEAT", "request", {"group": "billing", "member": "m1", "label": "host-1", "generation": 3145731, "revision": 2,
                                     "subscription": {"version": 1, "topics": [{"topic": "orders", "filter": "paid"}],
                                                      "from": "LAST", "from_time_ms": 1},
                                     "joined_ago_ms": 1500, "session_ms": 10000}, None),
    ("CLIENT_HEARTBEAT", "response", {"generation": 3145732, "want_subscription": True, "heartbeat_ms": 3000, "session_ms": 10000,
                                      "assignment": {"group": "billing", "member": "m1", "generation": 3145732, "members": 2,
                                                     "queues": 5, "leases": [LEASE], "idle": True}}, None),
    ("ASSIGNMENT", "push", {"group": "billing", "member": "m1", "generation": 3145732, "members": 1, "queues": 4,
                            "leases": [LEASE]}, None),
    ("RELEASE", "request", {"group": "billing", "member": "m1",
                            "offsets": [{"topic": "orders", "queue": 1, "offset": 50, "lease_epoch": 3145730}]}, None),
    ("RELEASE", "response", {}, None),
    ("LEAVE", "request", {"group": "billing", "member": "m1"}, None),
    ("LEAVE", "response", {"results": [{"topic": "orders", "code": 8001}]}, None),
    ("TOPIC_CREATE", "request", {"topic": "orders", "queues": 8, "on_demand": True}, None),
    ("TOPIC_CREATE", "response", {"queues": 8, "existed": True}, None),
    ("TOPIC_ALTER", "request", {"topic": "orders", "queues": 16}, None),
    ("TOPIC_ALTER", "response", {"queues": 16}, None),
    ("TOPIC_REMOVE", "request", {"topic": "orders"}, None),
    ("TOPIC_REMOVE", "response", {}, None),
    ("TOPIC_LIST", "request", {}, None),
    ("TOPIC_LIST", "response", {"topics": [{"topic": "orders", "queues": 16}]}, None),
    ("TOPIC_DESCRIBE", "request", {"topic": "orders"}, None),
    ("TOPIC_DESCRIBE", "response", {"queues": [{"queue": 1, "oldest_offset": 5, "high_watermark": 9, "last_store_time_ms": 17}]}, None),
    ("GROUP_LIST", "request", {}, None),
    ("GROUP_LIST", "response", {"groups": [{"group": "billing", "kind": "FREE", "members": 2, "lag": 1000000}]}, None),
    ("GROUP_DESCRIBE", "request", {"group": "billing"}, None),
    ("GROUP_DESCRIBE", "response", {"subscription": {"topics": [{"topic": "orders"}]},
                                    "members": [{"member": "m1", "label": "host-1", "heard_ago_ms": 200, "generation": 3, "idle": True,
                                                 "address": "10.0.0.9:50123"}],
                                    "queues": [{"topic": "orders", "queue": 1, "committed": True, "offset": 4, "high_watermark": 9,
                                                "oldest_offset": 1, "member": "m1", "epoch": 3145730, "state": "RELEASING"}]}, None),
    ("GROUP_RESET", "request", {"group": "billing", "queues": [{"topic": "orders", "queues": [0, 300]}], "to": "AT_OFFSET",
                                "to_value": 12, "dry_run": True}, None),
    ("GROUP_RESET", "response", {"results": [{"topic": "orders", "queue": 1, "had_offset": True, "from_offset": 4, "to_offset": 12}]},
     None),
    ("AUTH", "request", {"mechanism": "SCRAM_SHA_256", "data": "6e2c2c6e3d757365722c723d724f70724e476677456265525767624e456b714f"}, None),
    ("AUTH", "response", {"data": "763d36", "done": True, "principal": "user"}, None),
    ("SEND", "request", {"topic": "orders", "queue": 3, "dedup_id": "d/c\u00fc/7"}, {"batches": [TINY_BATCH]}),
    ("STATE_WRITE", "request", {"topic": "orders", "queue": 3},
     state_entry("s/17", "on", expected=0) + state_entry("s/9", removed=True, expected=4294967296) + state_entry("\u00fc")),
    ("STATE_WRITE", "response", {"version": 4294967297}, None),
    ("STATE_WRITE", "error", {"code": 8006, "message": "another version"}, None),
    ("STATE_GET", "request", {"topic": "orders"}, state_entry("s/17") + state_entry("s/9")),
    ("STATE_GET", "response", {"version": 9007199254740991},
     state_entry("s/17", "on", version=9007199254740991) + state_entry("s/9", removed=True)),
    ("STATE_SCAN", "request", {"topic": "orders", "queue": 1, "prefix": "732f", "after": "732f31", "limit": 100}, None),
    ("STATE_SCAN", "request", {"topic": "orders", "prefix": "732f", "changes": True, "since": 4294967296, "wait_ms": 30000}, None),
    ("STATE_SCAN", "response", {"version": 4294967297, "more": True}, state_entry("s/9", removed=True, version=4294967297)),
    ("STATE_SCAN", "response", {"version": 4294967297, "reset": True}, None),
]


GROUP_RECORD = {"store_id": STORE, "term": 2, "master": 1, "version": 7,
                "in_sync": [{"replica": 1, "incarnation": 140737488355329}, {"replica": 2, "incarnation": 5}]}
LOG_ENTRY = b"".join(part for part, _, _ in entry_parts({
    "term": 2, "position": 640, "previous_chain": 4660, "topic_id": 1,
    "batch": {**TINY_BATCH, "stamp": {"base_offset": 40, "term": 2, "store_time_ms": 1700000000005}},
})).hex()

REPLICA_FRAME_CASES = [
    ("REPLICATE", "request", {"broker": "b1", "store_id": STORE, "replica": 1, "incarnation": 140737488355329, "term": 2, "position": 640,
                              "chain": 4660, "stored": 576, "wait_ms": 1000, "max_bytes": 65536}, None),
    ("REPLICATE", "request", {"broker": "b1", "store_id": STORE, "replica": 1, "incarnation": 1, "term": 2, "position": 576, "chain": 99,
                              "stored": 576, "probe": True}, None),
    ("REPLICATE", "response", {"term": 2, "committed": 640, "log_end": 776, "oldest": 64, "in_sync": True}, LOG_ENTRY),
    ("REPLICATE", "response", {"term": 2, "committed": 640, "log_end": 776, "diverged": True}, None),
    ("SNAPSHOT_READ", "request", {"broker": "b1", "snapshot": 4294967296, "offset": 4194304, "max_bytes": 65536}, None),
    ("SNAPSHOT_READ", "response", {"snapshot": 4294967296, "size": 4194307, "oldest": 4294000000, "chain": 4294967295}, "010203"),
    ("PROMOTE", "request", {"accept_loss": True}, None),
    ("PROMOTE", "response", {"term": 3}, None),
    ("DEMOTE", "request", {}, None),
    ("DEMOTE", "response", {}, None),
    ("BROKER_DESCRIBE", "request", {}, None),
    ("BROKER_DESCRIBE", "response", {"broker": "b1", "replica": 1, "role": "SLAVE", "term": 2, "log_end": 776, "stored": 640, "committed": 576,
                                     "oldest": 64, "flush_async": True, "min_in_sync": 2,
                                     "replicas": [{"replica": 1, "incarnation": 5, "in_sync": True, "stored": 640, "silent_ms": 17}],
                                     "following": "10.0.0.1:7610", "state": "slave"}, None),
    ("RECORD_PUT", "request", {"broker": "b1", "record": GROUP_RECORD}, None),
    ("RECORD_PUT", "response", {}, None),
    ("RECORD_GET", "request", {"broker": "b1"}, None),
    ("RECORD_GET", "response", {"record": GROUP_RECORD}, None),
    ("RECORD_GET", "response", {}, None),
]


def good_frames(given, correlation):
    cases = []
    for name, kind, header, payload in given:
        example = {"correlation": 0 if kind == "push" else correlation, "header": header}
        if payload is not None:
            example["payload"] = payload
        # PING is the least frame that there is: both lengths have their limits.
        least = ids("INV-007", "INV-008") if name == "PING" else []
        clauses = ids("INV-006") + least + ids("TYP-010")
        cases.append({"frame": name, "kind": kind, "hex": encode_frame(name, kind, example).hex(), **example, "clauses": clauses})
        correlation += 2
    return cases


def frames():
    cases = good_frames(FRAME_CASES, 1)
    more = {"correlation": 5, "more": True, "header": {"broker": "b1", "topics": [{"topic": "t", "queues": 1}]}}
    cases.append({"frame": "REGISTER_BROKER", "kind": "request", "hex": encode_frame("REGISTER_BROKER", "request", more).hex(), **more,
                  "clauses": ids("INV-006", "TYP-010")})
    ping = encode_frame("PING", "request", {"correlation": 1}).hex()
    for hex_text, clause, why in [
        (ping[:30], "INV-006", "shorter than a frame header"),
        ("0000000b" + ping[8:], "INV-007", "a length below 12"),
        ("0000000d" + ping[8:], "INV-006", "a length beyond the end"),
        (ping[:24] + "00000001", "INV-008", "a control header beyond the end"),
        (ping[:24] + "ffffffff", "INV-008", "a control header of 2^32-1 bytes"),
    ]:
        cases.append({"hex": hex_text, "error": "MALFORMED_FRAME", "clauses": ids(clause), "why": why})
    long = {"hex": "0001000d" + ping[8:24] + "00010001", "zeros": 65537}
    cases.append({**long, "error": "MALFORMED_FRAME", "clauses": ids("FRM-004"), "why": "a control header of 65537 bytes"})
    # An unknown text of 65533 zeros: nothing but its length is wrong with this header.
    well_formed = {**long, "hex": long["hex"] + "7afdff03", "zeros": 65533}
    cases.append({**well_formed, "error": "MALFORMED_FRAME", "clauses": ids("FRM-004"),
                  "why": "a control header of 65537 bytes that would be well formed"})
    cases += good_frames(REPLICA_FRAME_CASES, 1 + 2 * len(FRAME_CASES))
    return family("frames", ["QNT-INV-006", "QNT-INV-007", "QNT-INV-008", "QNT-FRM-004", "QNT-TYP-010"], cases)


def headers():
    """Control headers that are unusual and valid, or not valid."""
    topic = encode_message("TopicCreate", {"topic": "orders"}).hex()
    good = [
        ("TopicCreate", topic + "f8e40801", {"topic": "orders"}, "TYP-002", "an unknown field (18015) is skipped"),
        ("TopicCreate", "8aca0803616263" + topic, {"topic": "orders"}, "TYP-002", "an unknown text is skipped"),
        ("TopicCreate", topic + "10041008", {"topic": "orders", "queues": 8}, "TYP-011", "the last of two wins"),
        ("TopicCreate", topic + "1000", {"topic": "orders"}, "TYP-003", "a default that is spelled out"),
        ("Hello", "", {}, "TYP-003", "nothing at all"),
        ("Hello", "12020105", {"features": [1, 5]}, "TYP-008", "a packed list"),
        ("PullOk", "0a090a016120ffffffff0f", {"results": [{"topic": "a", "next_offset": 4294967295}]}, "TYP-001", "32 bits are not enough"),
        ("SendOk", "08ffffffffffffff0f", {"base_offset": 9007199254740991}, "TYP-001", "the largest integer"),
    ]
    bad = [
        ("TopicCreate", "", "INVALID_ARGUMENT", "TYP-004", "a field marked M is absent"),
        ("TopicCreate", "0a00", "INVALID_ARGUMENT", "TYP-004", "a field marked M is empty"),
        ("TopicCreate", "0a8001" + "61" * 128, "INVALID_ARGUMENT", "TYP-006", "longer than TOPIC_NAME_BYTES_MAX"),
        ("Pull", "0a0167", "INVALID_ARGUMENT", "TYP-004", "a list marked M is absent"),
        ("Send", "0a01611803", "INVALID_ARGUMENT", "TYP-005", "an unknown enumeration value"),
        ("SendOk", "0880808080808080" + "10", "INVALID_ARGUMENT", "TYP-001", "2^53"),
        ("SendOk", "08ffffffffffffffffff01", "INVALID_ARGUMENT", "TYP-001", "2^64-1"),
        ("ErrorInfo", "1201" + "61", "INVALID_ARGUMENT", "TYP-004", "an error without a code"),
        ("TopicCreate", "0a05616263", "MALFORMED_FRAME", "TYP-007", "a text runs over the end"),
        ("TopicCreate", "0a", "MALFORMED_FRAME", "TYP-007", "a field without a value"),
        ("TopicCreate", topic + "1b", "MALFORMED_FRAME", "TYP-007", "a group, which proto3 does not have"),
        ("TopicCreate", topic + "00", "MALFORMED_FRAME", "TYP-007", "field number 0"),
        ("Pull", "320a0a0161", "MALFORMED_FRAME", "TYP-007", "a sub-message runs over the end"),
        ("TopicCreate", topic + "0000", "MALFORMED_FRAME", "TYP-007", "field number 0 with a value"),
    ]
    cases = [{"message": name, "hex": hex_text, "header": header, "clauses": ids(clause), "why": why}
             for name, hex_text, header, clause, why in good]
    cases += [{"message": name, "hex": hex_text, "error": error, "clauses": ids(clause), "why": why}
              for name, hex_text, error, clause, why in bad]
    clauses = [f"QNT-TYP-{n:03}" for n in (1, 2, 3, 4, 5, 6, 7, 8, 11)]
    return family("headers", clauses, cases)


def hello():
    server = {"minor": 0, "features": [], "idle_ms": 60000}
    rows = [
        ({}, {"minor": 0, "features": [], "idle_ms": 60000}),
        ({"minor": 7}, {"minor": 0, "features": [], "idle_ms": 60000}),
        ({"idle_ms": 1000}, {"minor": 0, "features": [], "idle_ms": 1000}),
        ({"idle_ms": 60001}, {"minor": 0, "features": [], "idle_ms": 60000}),
        ({"features": [27, 58, 1]}, {"minor": 0, "features": [], "idle_ms": 60000}),
        ({"required_features": [58]}, {"error": "UNSUPPORTED_FEATURE"}),
        ({"features": [1], "required_features": [1]}, {"error": "UNSUPPORTED_FEATURE"}),
    ]
    clauses = ["QNT-CON-004", "QNT-CON-005", "QNT-CON-006", "QNT-CON-010"]
    asking = {"minor": 1, "features": [1], "idle_ms": 60000}
    taken = {"minor": 1, "features": [1], "idle_ms": 60000}
    rows_asking = [
        ({"minor": 1, "features": [1], "required_features": [1]}, taken),
        ({"minor": 2, "required_features": [1]}, taken),
        ({"features": [58, 1]}, {"minor": 0, "features": [1], "idle_ms": 60000}),
        ({"minor": 1}, {"error": "UNAUTHENTICATED"}),
        ({"minor": 1, "features": [1], "required_features": [58]}, {"error": "UNSUPPORTED_FEATURE"}),
    ]
    cases = [{"server": server, "hello": hello_, "result": result} for hello_, result in rows]
    cases += [{"server": asking, "hello": hello_, "result": result, "clauses": clauses + ["QNT-AUT-001", "QNT-AUT-003"]} for hello_, result in rows_asking]
    return family("hello", clauses, cases)


def patched(data, at, new):
    out = bytearray(data)
    out[at : at + len(new)] = new
    return bytes(out)


def resealed(data):
    """With the body checksum put right, so that only the fault that is meant is there."""
    return patched(data, 32, struct.pack(">I", crc32(data[36:])))


def batches():
    stamp = {"base_offset": 40, "term": 3, "store_time_ms": 1700000000123}
    good = [
        (ids("BAT-001", "BAT-005", "BAT-018"), {"records": [{"body": ""}]}),
        (ids("BAT-001", "BAT-018"), {"born_time_ms": 1700000000000, "records": [{"body": "hello"}]}),
        (ids("BAT-002"), {"stamp": stamp, "records": [{"body": "hello"}]}),
        (ids("BAT-002"),
         {"stamp": {"base_offset": 2**53 - 2, "term": 2**32 - 1, "store_time_ms": 2**53 - 1}, "records": [{"body": "x"}]}),
        (ids("BAT-001"), {"producer_id": 2**53 - 1, "producer_epoch": 65535, "base_sequence": 2**32 - 1, "born_time_ms": 2**53 - 1,
                          "records": [{"body": "a"}, {"body": "b"}]}),
        (ids("BAT-001", "BAT-005"),
         {"born_time_ms": 5000, "records": [{"tag": "paid", "body": "1"}, {"body": "2"}, {"tag": "paid", "body": "3"}]}),
        (ids("BAT-001", "BAT-005"),
         {"born_time_ms": 5000, "records": [{"key": "k-1", "body": "1"}, {"key": "k-2", "body": "2", "born_time_ms": 4999}]}),
        (ids("BAT-002", "BAT-005"), {"born_time_ms": 5000, "stamp": stamp,
         "records": [{"key": "ключ", "tag": "标签", "body_hex": "00ff80", "properties": {"a": "1", "ü": "", "": "empty name"},
                      "born_time_ms": 5063}, {"body": "z" * 200, "born_time_ms": 5064}]}),
        (ids("BAT-001", "BAT-006"), {"records": [{"body": f"m{i}"} for i in range(130)]}),
        (ids("BAT-018"), {"compress": True, "stamp": stamp, "records": [{"tag": "t", "body": "0123456789" * 20} for _ in range(3)]}),
    ]
    cases = [{"hex": encode_batch(batch).hex(), **batch, "clauses": clauses + ids("BAT-019")} for clauses, batch in good]
    base = encode_batch({"born_time_ms": 5000, "records": [{"tag": "t", "body": "hello"}]})
    count = lambda n: resealed(patched(base, 40, struct.pack(">I", n)))
    attributes = lambda bits: resealed(patched(base, 36, struct.pack(">H", bits)))
    bad = [
        (base[:63], "fewer than 64 bytes"),
        (b"", "nothing"),
        (patched(base, 0, b"RC"), "the magic"),
        (patched(base, 2, b"\x02"), "the version"),
        (patched(base, 3, b"\x07"), "a header of 56 bytes"),
        (patched(base, 3, b"\xff"), "a header beyond the end"),
        (patched(base, 4, struct.pack(">I", len(base) - 9)), "the length is too small"),
        (patched(base, 4, struct.pack(">I", len(base))), "the length is too large"),
        (base + b"\0", "a byte behind the end"),
        (count(0), "no record"),
        (count(4097), "4097 records"),
        (count(4096), "a column beyond the end"),
        (attributes(0x0102), "compression 2"),
        (attributes(0x0107), "compression 7"),
        (attributes(0x0108), "checksum algorithm 1"),
        (attributes(0x0120), "transactional"),
        (attributes(0x0140), "control"),
        (attributes(0x0180), "delayed"),
        (resealed(patched(base, 48, struct.pack(">Q", 2**53))), "a producer id of 2^53"),
        (resealed(patched(base, 56, struct.pack(">Q", 2**64 - 1))), "a born time of 2^64-1"),
        (patched(base, len(base) - 1, b"\x01"), "the body checksum"),
    ]
    narrower = {"no record": "BAT-006", "4097 records": "BAT-006", "transactional": "BAT-007", "control": "BAT-007", "delayed": "BAT-007"}
    cases += [{"hex": data.hex(), "error": "INVALID_BATCH", "by": "broker", "clauses": ids(narrower.get(why, "BAT-019")), "why": why}
              for data, why in bad]
    ignored = resealed(patched(base, 36, struct.pack(">H", 0xFD00)))
    cases.append({"hex": ignored.hex(), "born_time_ms": 5000, "records": [{"tag": "t", "body": "hello"}], "encodes": False,
                  "clauses": ids("BAT-008", "BAT-019"), "why": "unknown bits of the attributes"})
    longer = resealed(patched(base[:64] + b"\xee" * 8 + base[64:], 3, b"\x09"))
    longer = resealed(patched(longer, 4, struct.pack(">I", len(longer) - 8)))
    cases.append({"hex": longer.hex(), "born_time_ms": 5000, "records": [{"tag": "t", "body": "hello"}], "encodes": False,
                  "clauses": ids("BAT-009", "BAT-019"), "why": "a header of 72 bytes"})
    extra = resealed(patched(base[:68] + bytes([base[68] + 2]) + base[69:] + b"\xaa\xbb", 4, struct.pack(">I", len(base) + 2 - 8)))
    cases.append({"hex": extra.hex(), "born_time_ms": 5000, "records": [{"tag": "t", "body": "hello"}], "encodes": False,
                  "clauses": ids("BAT-010", "BAT-019"), "why": "bytes behind the properties of a record"})
    trailing = resealed(patched(base + b"\xcc" * 3, 4, struct.pack(">I", len(base) + 3 - 8)))
    cases.append({"hex": trailing.hex(), "born_time_ms": 5000, "records": [{"tag": "t", "body": "hello"}], "encodes": False,
                  "clauses": ids("BAT-010", "BAT-019"), "why": "bytes behind the last record"})
    plain = encode_batch({"records": [{"body": "hello"}]})
    record_at = 64
    for data, why in [
        (resealed(patched(plain, record_at, b"\x7f")), "a record beyond the end"),
        (resealed(patched(plain, record_at + 5, b"\x7f")), "a body beyond its record"),
        (resealed(patched(plain, record_at, b"\xff" * 9)), "a varint of more than eight bytes"),
        (resealed(patched(plain, 40, struct.pack(">I", 2))), "fewer records than the count"),
        (resealed(patched(plain, 36, struct.pack(">H", 1))), "records that do not inflate"),
    ]:
        varint = ids("BAT-021") if "varint" in why else []
        cases.append({"hex": data.hex(), "error": "INVALID_BATCH", "by": "consumer", "clauses": ids("BAT-013", "BAT-020") + varint,
                      "why": why})
    packed = encode_batch({"compress": True, "records": [{"body": "0123456789" * 20} for _ in range(3)]})
    declared = struct.unpack(">I", packed[record_at : record_at + 4])[0]
    declare = lambda data, n: resealed(patched(data, record_at, struct.pack(">I", n)))
    resized = lambda data: resealed(patched(data, 4, struct.pack(">I", len(data) - 8)))
    squeeze = zlib.compressobj(wbits=-15)
    zeros = squeeze.compress(bytes(2**20)) + squeeze.flush()
    bomb = resized(packed[:record_at] + struct.pack(">I", 4096) + zeros)
    for data, why in [
        (declare(packed, declared - 1), "records that inflate to a byte more than declared"),
        (declare(packed, declared + 1), "records that inflate to a byte less than declared"),
        (declare(packed, 0), "records that inflate to something though nothing is declared"),
        (declare(packed, 16 * 2**20 + 1), "16 MiB and a byte declared"),
        (declare(packed, 2**32 - 1), "4 GiB declared"),
        (bomb, "a mebibyte of zeros under a declared length of 4096"),
        (resized(packed[: record_at + 4]), "no deflated bytes at all"),
        (resized(packed[:-3]), "deflated bytes that end too soon"),
    ]:
        cases.append({"hex": data.hex(), "error": "INVALID_BATCH", "by": "consumer", "clauses": ids("BAT-012", "BAT-020"), "why": why})
    clauses = [f"QNT-BAT-{n:03}" for n in (1, 2, 5, 6, 7, 8, 9, 10, 12, 13, 18, 19, 20, 21)]
    return family("batches", clauses, cases)


RETRY = {1: True, 2: True, 3: True, 4: False, 5: True, 6: True, 7: False, 8: True}


def errors():
    cases = []
    for name, code in ENUMS["ErrorCode"].items():
        if code:
            kind = code // 1000
            cases.append({"code": code, "name": name, "retryable": RETRY[kind], "outcome": "unknown" if kind == 6 else "rejected"})
    for code in (1666, 2999, 3666, 4999, 5669, 6123, 7667, 8668):
        kind = code // 1000
        cases.append({"code": code, "retryable": RETRY[kind], "outcome": "unknown" if kind == 6 else "rejected"})
    for code in (9001, 999, 4294967295):
        cases.append({"code": code, "retryable": False, "outcome": "rejected"})
    return family("errors", ["QNT-ERR-002"], cases)


def averagely(queues, members):
    """As Apache RocketMQ's AllocateMessageQueueAveragely computes it."""
    result = []
    for index in range(members):
        mod = queues % members
        size = 1 if queues <= members else (queues // members + 1 if mod > 0 and index < mod else queues // members)
        start = index * size if mod > 0 and index < mod else index * size + mod
        result.append([start + i for i in range(max(0, min(size, queues - start)))])
    return result


def allocate():
    pairs = [(5, 2), (8, 3), (4, 5), (16, 5), (4, 2), (4, 4), (1, 1), (1, 3), (0, 2), (7, 7), (1024, 3), (5, 1), (3, 2000)]
    cases = []
    for queues, members in pairs:
        shares = averagely(queues, members)
        cases.append({"queues": queues, "members": members, "shares": [[share[0], len(share)] if share else [] for share in shares]})
    return family("allocate-averagely", ["QNT-GRP-030"], cases)


def circle():
    pairs = [(5, 2), (8, 3), (4, 5), (16, 5), (4, 2), (4, 4), (1, 1), (1, 3), (0, 2), (7, 7), (100, 3), (5, 1), (3, 2000)]
    cases = []
    for queues, members in pairs:
        # As Apache RocketMQ's AllocateMessageQueueAveragelyByCircle computes it.
        shares = [list(range(index, queues, members)) for index in range(members)]
        owners = {queue: index for index, share in enumerate(shares) for queue in share}
        cases.append({"queues": queues, "members": members, "owners": [owners[queue] for queue in range(queues)]})
    return family("allocate-circle", ["QNT-GRP-056"], cases)


def stick(owners, members, held):
    """Two passes over the queues with what each member may still take."""
    left = {member: owners.count(member) for member in members}
    result = [None] * len(owners)
    for queue, holder in enumerate(held):
        if left.get(holder, 0) > 0:
            left[holder] -= 1
            result[queue] = holder
    lacking = [member for member in members for _ in range(left[member])]
    free = [queue for queue, owner in enumerate(result) if owner is None]
    for queue, member in zip(free, lacking):
        result[queue] = member
    return result


def sticky():
    rows = [
        ("aabb", "ab", "b-aa"),      # who holds enough keeps it
        ("aabc", "abc", "bbaa"),     # a third one comes: one queue moves
        ("aaab", "ab", "axbb"),      # x is gone
        ("aabb", "ab", "----"),      # nobody holds anything: as AVERAGELY
        ("aaaa", "a", "abab"),       # the other one is gone
        ("aabb", "abc", "cccc"),     # the broker has nothing for c
        ("abcd", "abcd", "dcba"),    # a permutation stays
        ("abcde", "abcdefg", "gfedc"),
        ("aaabbbcc", "abc", "aaaabbbb"),
        ("aabbccdd", "abcd", "aaabbbcc"),
        ("", "ab", ""),
    ]
    cases = []
    for owners, members, held in rows:
        holders = [None if holder == "-" else holder for holder in held]
        cases.append({"owners": list(owners), "members": list(members), "held": holders,
                      "result": stick(list(owners), list(members), holders)})
    return family("allocate-sticky", ["QNT-GRP-057"], cases)


def rendezvous():
    def choose(key, queues):
        weigh = lambda q: fmix32(fmix32(crc32(key.encode())) ^ crc32(f"{q[0]}/{q[1]}".encode()))
        best = queues[0]
        for queue in queues[1:]:
            if weigh(queue) > weigh(best):
                best = queue
        return best, weigh(best)

    four = [["b1", n] for n in range(4)]
    eight = four + [["b2", n] for n in range(4)]
    cases = []
    for queues in ([["b1", 0]], four, eight, [q for q in eight if q != ["b1", 2]]):
        for key in ("a", "order-17", "ключ", "0", "1", "2", "3", "4", "5", " "):
            queue, weight = choose(key, queues)
            cases.append({"key": key, "queues": queues, "queue": queue, "weight": weight})
    return family("rendezvous", ["QNT-SND-024"], cases)


def checksums():
    texts = [b"", b"a", b"123456789", bytes(32), b"\xff" * 32, bytes(range(256)), "ключ".encode(), b"b1/0"]
    cases = [{"hex": text.hex(), "crc32": crc32_bitwise(text)} for text in texts]
    return family("crc32", ["QNT-BAT-011"], cases)


def sequence():
    """One producer in one queue: [base, count, checksum] and what becomes of it. Offsets count the stored records."""
    def run(name, steps):
        return {"name": name, "steps": [{"base": b, "count": c, "checksum": s, **result} for b, c, s, result in steps]}

    store = lambda offset: {"outcome": "STORE", "offset": offset}
    duplicate = lambda offset: {"outcome": "DUPLICATE", "offset": offset}
    conflict = {"outcome": "SEQUENCE_CONFLICT"}
    gap = lambda expected: {"outcome": "SEQUENCE_GAP", "expected": expected}
    unknown = 2**53 - 1
    sixty_five = [(n, 1, 100 + n, store(n)) for n in range(65)]
    return family("sequence", ["QNT-SND-012", "QNT-SND-013", "QNT-SND-014", "QNT-SND-015"], [
        run("in order", [(0, 3, 7, store(0)), (3, 1, 8, store(3)), (4, 4096, 9, store(4))]),
        run("a retry", [(0, 3, 7, store(0)), (0, 3, 7, duplicate(0)), (3, 2, 8, store(3)), (0, 3, 7, duplicate(0)), (3, 2, 8, duplicate(3))]),
        run("another batch under the same numbers", [(0, 3, 7, store(0)), (0, 3, 6, conflict), (0, 2, 7, conflict), (1, 2, 7, conflict), (2, 4, 7, conflict)]),
        run("a gap does nothing", [(1, 1, 7, gap(0)), (0, 2, 7, store(0)), (5, 1, 8, gap(2)), (2, 1, 8, store(2))]),
        run("numbers before the first", [(0, 2, 7, store(0)), (4294967295, 1, 9, conflict), (4294967290, 6, 9, conflict)]),
        run("older than what is remembered", sixty_five + [(0, 1, 100, duplicate(unknown)), (0, 1, 999, duplicate(unknown)), (1, 1, 101, duplicate(1)), (0, 2, 100, conflict), (4294967290, 6, 5, duplicate(unknown))]),
    ])
