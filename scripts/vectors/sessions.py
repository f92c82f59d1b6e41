"""Whole sessions: what comes in at which time, and what must go out. The format is in spec/v1/vectors/README.md."""
from qanat_wire import encode_frame

STORE = "000102030405060708090a0b0c0d0e0f"
BROKER = {"role": "BROKER", "name": "b1", "store_id": STORE, "term": 3}
SERVES = ["TOPIC_LIST", "TOPIC_CREATE", "SEND", "REGISTER_BROKER"]


def session(name, title, clauses, setup, steps):
    return {"id": name, "spec": "1.0", "title": title, "clauses": clauses, "setup": setup, "steps": steps}


def server(**more):
    return {"layer": "server", "identity": BROKER, "serves": SERVES, "idle_ms": 60000, "in_flight_max": 32, **more}


def client(**more):
    return {"layer": "client", "greeting": {"software": "vector"}, **more}


def coming(at, frame, kind, header=None, connection=2, **more):
    example = {"header": header or {}, **{key: more[key] for key in ("correlation", "more", "payload") if key in more}}
    named = isinstance(example.get("correlation"), str)
    hex_text = encode_frame(frame, kind, {**example, "correlation": 0} if named else example).hex()
    step = {"at": at, "connection": connection, "in": hex_text, "says": f"{frame} {kind}"}
    return {**step, "correlation": example["correlation"]} if named else step


def raw(at, hex_text, says, connection=2, **more):
    return {"at": at, "connection": connection, "in": hex_text, "says": says, **more}


def going(at, frame, kind, header=None, correlation=0, connection=2, **more):
    return {"at": at, "connection": connection, "out": {"frame": frame, "kind": kind, "correlation": correlation, "header": header or {}, **more}}


def event(at, name, connection=2, **more):
    return {"at": at, "connection": connection, "event": name, **more}


def unknown(number, flags, correlation=0):
    return f"0000000c{number:04x}{flags:02x}00{correlation:08x}00000000"


HELLO_OK = {**BROKER, "frame_bytes_max": 4259840, "batch_bytes_max": 4194304, "in_flight_max": 32, "idle_ms": 60000}


def hello(at=0, connection=2, idle_ms=None):
    asked = {} if idle_ms is None else {"idle_ms": idle_ms}
    answer = {**HELLO_OK, **({"idle_ms": idle_ms} if idle_ms else {})}
    return [
        event(at, "accepted", connection),
        coming(at, "HELLO", "request", asked, connection, correlation=1),
        going(at, "HELLO", "response", answer, 1, connection, any=["software"]),
    ]


def refused(at, frame, correlation, code, connection=2):
    return going(at, frame, "error", {"code": code}, correlation, connection, any=["message", "retry_after_ms"])


def goodbye(at, code, connection=2, grace_ms=None):
    header = {"code": code} | ({"grace_ms": grace_ms} if grace_ms else {})
    bye = going(at, "GOAWAY", "push", header, 0, connection, any=["message"])
    return [bye] if grace_ms else [bye, event(at, "close", connection)]


def server_sessions():
    yield session("server-unexpected", "PING, unknown and reserved types, a response to nothing", [
        "QNT-CON-001", "QNT-CON-008", "QNT-CON-009", "QNT-CON-014", "QNT-FRM-007", "QNT-FRM-018", "QNT-FRM-022", "QNT-FRM-023",
        "QNT-FRM-024", "QNT-FRM-026", "QNT-INV-009", "QNT-CON-019", "QNT-CON-023", "QNT-FRM-029",
    ], server(answers={"TOPIC_LIST": {"header": {"topics": [{"topic": "orders", "queues": 4}]}}}), [
        *hello(),
        coming(1, "PING", "request", correlation=3),
        going(1, "PING", "response", {}, 3),
        raw(2, unknown(0x3A5A, 0, 5), "a type for greasing, request"),
        {"at": 2, "connection": 2, "out": {"type": 0x3A5A, "kind": "error", "correlation": 5, "header": {"code": 4002}, "any": ["message"]}},
        raw(3, unknown(0x0002, 0, 7), "AUTH, reserved"),
        {"at": 3, "connection": 2, "out": {"type": 2, "kind": "error", "correlation": 7, "header": {"code": 4002}, "any": ["message"]}},
        raw(4, unknown(0x3A5A, 6), "one-way, ignorable, unknown"),
        raw(5, unknown(0x0601, 1, 9), "a response to nothing"),
        raw(5, unknown(0x3A5A, 9, 9), "an error to nothing, of an unknown type"),
        raw(6, "0000000c0003e0ff0000000b00000000", "PING with unknown flags and a reserved byte of 255"),
        going(6, "PING", "response", {}, 11),
        raw(7, "0000000c000308000000000d00000000", "PING with ERROR without RESPONSE"),
        going(7, "PING", "response", {}, 13),
        coming(8, "TOPIC_LIST", "request", correlation=15),
        going(8, "TOPIC_LIST", "response", {"topics": [{"topic": "orders", "queues": 4}]}, 15),
        coming(9, "GOAWAY", "push", {"code": 5002}),
        raw(10, unknown(0x3A5A, 2), "one-way, unknown, not ignorable"),
        *goodbye(10, 4002),
    ])
    yield session("server-hello-first", "another frame before HELLO", ["QNT-FRM-021", "QNT-CON-015", "QNT-FRM-009"], server(), [
        event(0, "accepted"),
        coming(10, "TOPIC_LIST", "request", correlation=1),
        refused(10, "TOPIC_LIST", 1, 1004),
        *goodbye(10, 1004),
    ])
    yield session("server-hello-one-way", "a one-way frame before HELLO", ["QNT-FRM-021", "QNT-FRM-008"], server(), [
        event(0, "accepted"),
        raw(10, unknown(0x3A5A, 6), "one-way, ignorable, unknown"),
        *goodbye(10, 1004),
    ])
    yield session("server-hello-late", "no HELLO", ["QNT-CON-003"], server(), [
        event(0, "accepted"),
        *goodbye(5000, 1005),
    ])
    yield session("server-hello-refused", "a feature that is required and not known", ["QNT-CON-006", "QNT-CON-011"], server(), [
        event(0, "accepted"),
        coming(1, "HELLO", "request", {"required_features": [58]}, correlation=1),
        refused(1, "HELLO", 1, 4003),
        *goodbye(1, 4003),
    ])
    yield session("server-hello-twice", "a second HELLO", ["QNT-FRM-025", "QNT-CON-001"], server(), [
        *hello(),
        coming(1, "HELLO", "request", correlation=3),
        *goodbye(1, 1007),
    ])
    yield session("server-idle", "the client falls silent", ["QNT-KAL-001", "QNT-CON-010"], server(), [
        *hello(idle_ms=10000),
        coming(9000, "PING", "request", correlation=3),
        going(9000, "PING", "response", {}, 3),
        *goodbye(19000, 1006),
    ])
    yield session("server-even-number", "a request with an even number", ["QNT-FRM-019", "QNT-COR-001"], server(), [
        *hello(),
        coming(1, "PING", "request", correlation=2),
        *goodbye(1, 1001),
    ])
    yield session("server-number-in-use", "a number that waits already", ["QNT-FRM-020", "QNT-COR-002"], server(), [
        *hello(),
        coming(1, "TOPIC_LIST", "request", correlation=3),
        coming(2, "PING", "request", correlation=3),
        *goodbye(2, 1007),
    ])
    yield session("server-any-order", "answers in another order, and a number used again", ["QNT-COR-004", "QNT-COR-002"],
                  server(answers={"TOPIC_LIST": {"after_ms": 50, "header": {}}, "TOPIC_CREATE": {"header": {"queues": 4}}}), [
        *hello(),
        coming(1, "TOPIC_LIST", "request", correlation=3),
        coming(2, "TOPIC_CREATE", "request", {"topic": "t"}, correlation=5),
        going(2, "TOPIC_CREATE", "response", {"queues": 4}, 5),
        coming(3, "TOPIC_CREATE", "request", {"topic": "t"}, correlation=5),
        going(3, "TOPIC_CREATE", "response", {"queues": 4}, 5),
        going(51, "TOPIC_LIST", "response", {}, 3),
    ])
    yield session("server-in-flight", "one request too many", ["QNT-COR-006", "QNT-COR-007"], server(), [
        *hello(),
        *[coming(1, "TOPIC_LIST", "request", correlation=3 + 2 * n) for n in range(32)],
        coming(2, "TOPIC_LIST", "request", correlation=99),
        refused(2, "TOPIC_LIST", 99, 3001),
        coming(3, "PING", "request", correlation=101),
        going(3, "PING", "response", {}, 101),
    ])
    yield session("server-stops", "GOAWAY with requests in flight", ["QNT-CON-017", "QNT-CON-018", "QNT-CON-015"],
                  server(answers={"TOPIC_LIST": {"after_ms": 1000, "header": {}}}), [
        *hello(),
        coming(1, "TOPIC_LIST", "request", correlation=3),
        event(2, "stop", grace_ms=5000),
        *goodbye(2, 5002, grace_ms=5000),
        coming(3, "TOPIC_LIST", "request", correlation=5),
        refused(3, "TOPIC_LIST", 5, 5002),
        coming(4, "PING", "request", correlation=7),
        going(4, "PING", "response", {}, 7),
        going(1001, "TOPIC_LIST", "response", {}, 3),
        event(1001, "close"),
    ])
    yield session("server-stops-late", "GOAWAY, and an answer that does not come", ["QNT-CON-017"], server(), [
        *hello(),
        coming(1, "TOPIC_LIST", "request", correlation=3),
        event(2, "stop", grace_ms=5000),
        *goodbye(2, 5002, grace_ms=5000),
        event(5002, "close"),
    ])
    yield session("server-other-role", "what another role serves", ["QNT-FRM-027", "QNT-FRM-028"],
                  server(identity={"role": "NAMESERVER", "name": "n1"}, serves=["ROUTE_QUERY"]), [
        event(0, "accepted"),
        coming(0, "HELLO", "request", correlation=1),
        going(0, "HELLO", "response", {"name": "n1", "frame_bytes_max": 4259840, "batch_bytes_max": 4194304, "in_flight_max": 32,
                                       "idle_ms": 60000}, 1, any=["software", "batch_bytes_max"]),
        coming(1, "TOPIC_LIST", "request", correlation=3),
        refused(1, "TOPIC_LIST", 3, 2001),
        coming(2, "ROUTE_UPDATE", "request", correlation=5),
        refused(2, "ROUTE_UPDATE", 5, 2001),
        coming(3, "SEND", "push", {"topic": "t", "ack": "ACK_NONE"}),
        coming(4, "PING", "request", correlation=7),
        going(4, "PING", "response", {}, 7),
    ])
    first = {"broker": "b9", "store_id": STORE, "topics": [{"topic": "t1", "queues": 1}]}
    second = {"topics": [{"topic": "t2", "queues": 1}]}
    yield session("server-more", "frames joined by MORE", ["QNT-FRM-011", "QNT-FRM-015"],
                  server(answers={"REGISTER_BROKER": {"header": {"heartbeat_ms": 1000, "expiry_ms": 5000}}}), [
        *hello(),
        coming(1, "REGISTER_BROKER", "request", first, correlation=3, more=True),
        coming(2, "PING", "request", correlation=5),
        going(2, "PING", "response", {}, 5),
        coming(3, "REGISTER_BROKER", "request", second, correlation=3),
        going(3, "REGISTER_BROKER", "response", {"heartbeat_ms": 1000, "expiry_ms": 5000}, 3),
        coming(4, "REGISTER_BROKER", "request", first, correlation=7, more=True),
        coming(5, "TOPIC_LIST", "request", correlation=9),
        *goodbye(5, 1007),
    ])
    yield session("server-more-not-taken", "MORE on a type that does not take it", ["QNT-FRM-014"], server(), [
        *hello(),
        coming(1, "TOPIC_LIST", "request", correlation=3, more=True),
        *goodbye(1, 1001),
    ])
    yield session("server-more-refused", "a refused frame of a joined request", ["QNT-FRM-017"], server(), [
        *hello(),
        coming(1, "REGISTER_BROKER", "request", {"topics": [{"queues": 1}]}, correlation=3, more=True),
        refused(1, "REGISTER_BROKER", 3, 4001),
        coming(2, "REGISTER_BROKER", "request", second, correlation=3, more=True),
        coming(3, "REGISTER_BROKER", "request", second, correlation=3),
        coming(4, "PING", "request", correlation=3),
        going(4, "PING", "response", {}, 3),
    ])
    yield session("server-bad-header", "a control header that breaks a rule, then one that is none", ["QNT-TYP-004", "QNT-TYP-007", "QNT-ERR-003"],
                  server(), [
        *hello(),
        coming(1, "TOPIC_CREATE", "request", {}, correlation=3),
        refused(1, "TOPIC_CREATE", 3, 4001),
        raw(2, "0000000e060100000000000500000002" + "0a05", "TOPIC_CREATE with a text beyond the end"),
        *goodbye(2, 1001),
    ])
    yield session("server-one-way", "one-way frames are never answered", ["QNT-FRM-008", "QNT-FRM-010"], server(), [
        *hello(),
        raw(1, unknown(0x0003, 2), "PING, one-way"),
        raw(2, unknown(0x0601, 2, 77), "TOPIC_CREATE, one-way, without a topic, with a number"),
        coming(3, "PING", "request", correlation=3),
        going(3, "PING", "response", {}, 3),
    ])
    yield session("server-full", "one connection too many", ["QNT-CON-024"], server(connections_max=1), [
        *hello(),
        event(1, "accepted", 4),
        *goodbye(1, 1009, 4),
        coming(2, "PING", "request", correlation=3),
        going(2, "PING", "response", {}, 3),
    ])


def greeted(idle_ms=60000):
    return [
        event(0, "connect", 1),
        event(0, "opened", 1),
        going(0, "HELLO", "request", {"software": "vector"}, "$hello", 1),
        coming(1, "HELLO", "response", {**HELLO_OK, "idle_ms": idle_ms}, 1, correlation="$hello"),
    ]


def call(at, name, frame, header, timeout_ms=3000):
    return {"at": at, "connection": 1, "call": {"name": name, "frame": frame, "header": header, "timeout_ms": timeout_ms}}


def result(at, name, **more):
    return {"at": at, "connection": 1, "result": {"name": name, **more}}


def client_sessions():
    yield session("client-order", "answers out of order, late and to nothing", [
        "QNT-COR-001", "QNT-COR-005", "QNT-COR-009", "QNT-COR-010", "QNT-FRM-018", "QNT-ERR-002", "QNT-CON-016",
    ], client(), [
        *greeted(),
        call(10, "first", "TOPIC_LIST", {}),
        going(10, "TOPIC_LIST", "request", {}, "$a", 1),
        call(11, "second", "TOPIC_CREATE", {"topic": "t"}),
        going(11, "TOPIC_CREATE", "request", {"topic": "t"}, "$b", 1),
        coming(12, "TOPIC_CREATE", "response", {"queues": 4}, 1, correlation="$b"),
        result(12, "second", header={"queues": 4}),
        coming(13, "TOPIC_CREATE", "response", {"queues": 5}, 1, correlation="$b"),
        coming(14, "TOPIC_CREATE", "response", {"queues": 5}, 1, correlation="$a"),
        coming(15, "TOPIC_LIST", "response", {}, 1, correlation="$a"),
        result(15, "first", header={}),
        call(20, "third", "TOPIC_CREATE", {"topic": "u"}),
        going(20, "TOPIC_CREATE", "request", {"topic": "u"}, "$c", 1),
        coming(21, "TOPIC_CREATE", "error", {"code": 5666, "message": "a code that nobody knows", "retry_after_ms": 40}, 1, correlation="$c"),
        result(21, "third", error={"retryable": True, "outcome": "rejected"}),
        call(30, "fourth", "TOPIC_LIST", {}, 1000),
        going(30, "TOPIC_LIST", "request", {}, "$d", 1),
        result(1030, "fourth", error={"code": "TIMEOUT", "outcome": "unknown"}),
        coming(1100, "TOPIC_LIST", "response", {}, 1, correlation="$d"),
        event(1200, "closed", 1),
    ])
    yield session("client-pages", "an answer in two frames, mingled with another", ["QNT-FRM-011", "QNT-FRM-012"], client(), [
        *greeted(),
        call(10, "list", "TOPIC_LIST", {}),
        going(10, "TOPIC_LIST", "request", {}, "$a", 1),
        call(10, "make", "TOPIC_CREATE", {"topic": "t"}),
        going(10, "TOPIC_CREATE", "request", {"topic": "t"}, "$b", 1),
        coming(11, "TOPIC_LIST", "response", {"topics": [{"topic": "a", "queues": 1}]}, 1, correlation="$a", more=True),
        coming(12, "TOPIC_CREATE", "response", {"queues": 4}, 1, correlation="$b"),
        result(12, "make", header={"queues": 4}),
        coming(13, "TOPIC_LIST", "response", {"topics": [{"topic": "b", "queues": 2}]}, 1, correlation="$a"),
        result(13, "list", headers=[{"topics": [{"topic": "a", "queues": 1}]}, {"topics": [{"topic": "b", "queues": 2}]}]),
        event(20, "closed", 1),
    ])
    yield session("client-asked", "requests and one-way frames of the server", ["QNT-FRM-022", "QNT-FRM-023", "QNT-FRM-026", "QNT-KAL-005"], client(), [
        *greeted(),
        raw(10, unknown(0x0003, 0, 2), "PING request by the server", 1),
        going(10, "PING", "response", {}, 2, 1),
        raw(11, unknown(0x3A5A, 0, 4), "a request of a type for greasing", 1),
        {"at": 11, "connection": 1, "out": {"type": 0x3A5A, "kind": "error", "correlation": 4, "header": {"code": 4002}, "any": ["message"]}},
        raw(12, unknown(0x3A5A, 6), "one-way, ignorable, unknown", 1),
        raw(13, unknown(0x3A5A, 2), "one-way, unknown, not ignorable", 1),
        event(13, "abort", 1),
    ])
    yield session("client-hung-server", "HELLO is not answered", ["QNT-CON-012"], client(), [
        event(0, "connect", 1),
        event(0, "opened", 1),
        going(0, "HELLO", "request", {"software": "vector"}, "$hello", 1),
        call(1, "early", "TOPIC_LIST", {}, 30000),
        event(5000, "abort", 1),
        result(5000, "early", error={"outcome": "not-sent"}),
    ])
    yield session("client-refused", "HELLO is refused", ["QNT-CON-016", "QNT-CON-011"], client(), [
        event(0, "connect", 1),
        event(0, "opened", 1),
        going(0, "HELLO", "request", {"software": "vector"}, "$hello", 1),
        coming(1, "HELLO", "error", {"code": 4003, "message": "no"}, 1, correlation="$hello"),
        event(1, "abort", 1),
    ])
    yield session("client-silence", "the server falls silent", ["QNT-KAL-002", "QNT-KAL-003", "QNT-KAL-004", "QNT-COR-010"], client(), [
        *greeted(6000),
        call(2, "lost", "TOPIC_LIST", {}, 30000),
        going(2, "TOPIC_LIST", "request", {}, "$a", 1),
        going(2001, "PING", "request", {}, "$b", 1),
        going(4001, "PING", "request", {}, "$c", 1),
        event(6001, "abort", 1),
        result(6001, "lost", error={"outcome": "unknown"}),
    ])


def all_sessions():
    yield from server_sessions()
    yield from client_sessions()
