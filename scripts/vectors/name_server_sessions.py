"""Sessions of a NameServer, whole."""
from sessions import coming, event, going, goodbye, refused, session

STORE_1 = "000102030405060708090a0b0c0d0e0f"
STORE_2 = "f0f1f2f3f4f5f6f7f8f9fafbfcfdfeff"
ENDPOINT = {"listener": "default", "scheme": "qanat", "address": "10.0.0.1:7610"}
SETUP = {"layer": "nameserver", "identity": {"name": "n1"}}
TIMES = {"heartbeat_ms": 1000, "expiry_ms": 5000}
WARM = 6000


def hello(at, connection, **more):
    header = {"name": "n1", "frame_bytes_max": 4259840, "in_flight_max": 1024, "idle_ms": 60000}
    return [
        event(at, "accepted", connection, **more),
        coming(at, "HELLO", "request", {}, connection, correlation=1),
        going(at, "HELLO", "response", header, 1, connection, any=["software", "batch_bytes_max"]),
    ]


def registration(store=STORE_1, term=3, revision=1, topics=None, broker="b1", **more):
    topics = {"orders": 4} if topics is None else topics
    listed = [{"topic": topic, "queues": queues} for topic, queues in topics.items()]
    return {"broker": broker, "cluster": "default", "store_id": store, "term": term, "revision": revision, "endpoints": [ENDPOINT],
            "topics": listed, **more}


def register(at, connection, correlation, answer=TIMES, **more):
    return [
        coming(at, "REGISTER_BROKER", "request", registration(**more), connection, correlation=correlation),
        going(at, "REGISTER_BROKER", "response", answer, correlation, connection),
    ]


def refuse(at, connection, correlation, code, header):
    return [
        coming(at, "REGISTER_BROKER", "request", header, connection, correlation=correlation),
        refused(at, "REGISTER_BROKER", correlation, code, connection),
    ]


def beat(at, connection, correlation, again, store=STORE_1, term=3, revision=1, broker="b1"):
    header = {"broker": broker, "store_id": store, "term": term, "revision": revision}
    return [
        coming(at, "BROKER_HEARTBEAT", "request", header, connection, correlation=correlation),
        going(at, "BROKER_HEARTBEAT", "response", {"register": True} if again else {}, correlation, connection),
    ]


def broker_route(broker="b1", store=STORE_1, term=3, **more):
    return {"broker": broker, "cluster": "default", "store_id": store, "term": term, "endpoints": [ENDPOINT], **more}


def query(at, connection, correlation, header, answer):
    return [
        coming(at, "ROUTE_QUERY", "request", header, connection, correlation=correlation),
        going(at, "ROUTE_QUERY", "response", answer, correlation, connection),
    ]


def route(topic="orders", *shares):
    return {"topic": topic, "shares": [{"broker": broker, "queues": queues} for broker, queues in shares]}


ORDERS = {"routes": [route("orders", ("b1", 4))], "brokers": [broker_route()]}
AWAY = {"routes": [route("orders", ("b1", 4))], "brokers": [broker_route(away=True)]}
GONE = {"routes": [{"topic": "orders", "code": 4005}]}


def update(at, connection, header):
    return going(at, "ROUTE_UPDATE", "push", header, 0, connection)


def all_sessions():
    yield session("nameserver-life", "a broker registers, falls silent, comes back, and vanishes; a client watches", [
        "QNT-REG-013", "QNT-REG-019", "QNT-REG-023", "QNT-RTE-001", "QNT-RTE-002", "QNT-RTE-008", "QNT-RTE-009", "QNT-RTE-011", "QNT-RTE-012",
    ], SETUP, [
        *hello(WARM, 2),
        *query(WARM, 2, 3, {"topics": ["orders"], "watch": True}, GONE),
        *hello(WARM, 4),
        *register(WARM, 4, 3),
        update(WARM, 2, ORDERS),
        *beat(WARM + 1000, 4, 5, False),
        update(WARM + 6000, 2, AWAY),
        *beat(WARM + 7000, 4, 7, False),
        update(WARM + 7000, 2, ORDERS),
        update(WARM + 12000, 2, AWAY),
        coming(WARM + 50000, "PING", "request", {}, 2, correlation=5),
        going(WARM + 50000, "PING", "response", {}, 5, 2),
        *goodbye(WARM + 67000, 1006, 4),
        event(WARM + 67000, "closed", 4),
        update(WARM + 72000, 2, GONE),
        event(WARM + 73000, "closed", 2),
    ])
    yield session("nameserver-lost", "a broker's connection is lost; it comes back on another one, and then says that it stops", [
        "QNT-REG-023", "QNT-REG-019", "QNT-REG-021", "QNT-REG-022",
    ], SETUP, [
        *hello(WARM, 2),
        *hello(WARM, 4),
        *register(WARM, 4, 3),
        *query(WARM, 2, 3, {"topics": ["orders"], "watch": True}, ORDERS),
        event(WARM + 100, "closed", 4),
        update(WARM + 2100, 2, AWAY),
        *hello(WARM + 3000, 6),
        *register(WARM + 3000, 6, 3),
        update(WARM + 3000, 2, ORDERS),
        coming(WARM + 3500, "UNREGISTER_BROKER", "request", {"broker": "b1", "store_id": STORE_2}, 6, correlation=5),
        going(WARM + 3500, "UNREGISTER_BROKER", "response", {}, 5, 6),
        coming(WARM + 3600, "UNREGISTER_BROKER", "request", {"broker": "b7", "store_id": STORE_2}, 6, correlation=7),
        going(WARM + 3600, "UNREGISTER_BROKER", "response", {}, 7, 6),
        coming(WARM + 4000, "UNREGISTER_BROKER", "request", {"broker": "b1", "store_id": STORE_1}, 6, correlation=9),
        going(WARM + 4000, "UNREGISTER_BROKER", "response", {}, 9, 6),
        update(WARM + 4000, 2, AWAY),
    ])
    yield session("nameserver-names", "who may bear a name", ["QNT-REG-014", "QNT-REG-015", "QNT-REG-016", "QNT-REG-019", "QNT-REG-020"], SETUP, [
        *hello(WARM, 2),
        *hello(WARM, 4),
        *register(WARM, 2, 3),
        *refuse(WARM + 1, 4, 3, 4016, registration(store=STORE_2)),
        *refuse(WARM + 2, 4, 5, 8005, registration(term=2)),
        *beat(WARM + 3, 4, 7, True, revision=2),
        *beat(WARM + 4, 4, 9, True, term=4),
        *beat(WARM + 5, 4, 11, True, store=STORE_2),
        *beat(WARM + 6, 4, 13, True, broker="b2"),
        *query(WARM + 7, 4, 15, {"topics": ["orders"]}, ORDERS),
        *beat(WARM + 4999, 4, 17, True, revision=2),
        *query(WARM + 5000, 4, 19, {"topics": ["orders"]}, AWAY),
        *register(WARM + 5001, 4, 21, store=STORE_2, term=1),
        *query(WARM + 5002, 4, 23, {"topics": ["orders"]},
               {"routes": [route("orders", ("b1", 4))], "brokers": [broker_route(store=STORE_2, term=1)]}),
    ])
    yield session("nameserver-refused", "registrations that are none change nothing", ["QNT-REG-017"], SETUP, [
        *hello(WARM, 2),
        *register(WARM, 2, 3),
        *refuse(WARM + 1, 2, 5, 4004, registration(broker="b 1")),
        *refuse(WARM + 2, 2, 7, 4004, {**registration(), "cluster": "-"}),
        *refuse(WARM + 3, 2, 9, 4004, registration(topics={"ok": 1, "a/b": 1})),
        *refuse(WARM + 4, 2, 11, 4001, registration(topics={"ok": 0})),
        *refuse(WARM + 5, 2, 13, 4001, registration(topics={"ok": 1025})),
        *refuse(WARM + 6, 2, 15, 4001, registration(store="")),
        *query(WARM + 7, 2, 17, {"topics": ["ok"]}, {"routes": [{"topic": "ok", "code": 4005}]}),
    ])
    yield session("nameserver-warmup", "a NameServer that has just started", ["QNT-RTE-004", "QNT-RTE-005", "QNT-RTE-007"], SETUP, [
        *hello(0, 2),
        *query(10, 2, 3, {"topics": ["orders", "a b"]}, {"routes": [{"topic": "orders", "code": 5001}, {"topic": "a b", "code": 4004}]}),
        *query(4999, 2, 5, {"topics": ["orders"]}, {"routes": [{"topic": "orders", "code": 5001}]}),
        *query(5000, 2, 7, {"topics": ["orders"]}, GONE),
        coming(5001, "ROUTE_QUERY", "request", {"all": True, "watch": True}, 2, correlation=9),
        refused(5001, "ROUTE_QUERY", 9, 4001),
        coming(5002, "ROUTE_QUERY", "request", {"all": True, "topics": ["orders"]}, 2, correlation=11),
        refused(5002, "ROUTE_QUERY", 11, 4001),
    ])
    creator = broker_route("b2", STORE_2, 1, creates_topics=True)
    yield session("nameserver-routes", "two brokers, one of which creates topics; MORE; everything", [
        "QNT-RTE-002", "QNT-RTE-003", "QNT-RTE-006", "QNT-RTE-014", "QNT-REG-004", "QNT-REG-013", "QNT-FRM-011",
    ], SETUP, [
        *hello(WARM, 2),
        *register(WARM, 2, 3, broker="b2", store=STORE_2, term=1, topics={"orders": 2}, creates_topics=True),
        coming(WARM + 1, "REGISTER_BROKER", "request", registration(), 2, correlation=5, more=True),
        coming(WARM + 1, "REGISTER_BROKER", "request", {"topics": [{"topic": "audit", "queues": 1}]}, 2, correlation=5),
        going(WARM + 1, "REGISTER_BROKER", "response", TIMES, 5, 2),
        *query(WARM + 2, 2, 7, {"topics": ["orders"]},
               {"routes": [route("orders", ("b1", 4), ("b2", 2))], "brokers": [creator, broker_route()]}),
        *query(WARM + 3, 2, 9, {"topics": ["nothing", "audit"]},
               {"routes": [{"topic": "nothing", "code": 4005}, route("audit", ("b1", 1))], "brokers": [creator, broker_route()]}),
        *query(WARM + 4, 2, 11, {"all": True},
               {"routes": [route("audit", ("b1", 1)), route("orders", ("b1", 4), ("b2", 2))], "brokers": [creator, broker_route()]}),
        *register(WARM + 5, 2, 13, revision=2, topics={"audit": 1}),
        *query(WARM + 6, 2, 15, {"topics": ["orders"]}, {"routes": [route("orders", ("b2", 2))], "brokers": [creator]}),
    ])
    yield networks()
    yield records()


def record(version, term=1, master=0, slaves=(1,)):
    """As the schema has it: what is 0 is left out."""
    numbered = [({"replica": number} if number else {}) | {"incarnation": 2**47 + number} for number in (master, *slaves)]
    named = {"master": master} if master else {}
    return {"store_id": STORE_1, "term": term, **named, "version": version, "in_sync": numbered}


def records():
    """Two masters of a group of three: the record of the one that lost is refused."""
    first, grown, cut = record(1, slaves=()), record(2), record(3, slaves=())
    risen = record(4, term=2, master=1, slaves=(2,))

    def put(at, correlation, given, code=None, broker="b1", connection=2):
        answer = going(at, "RECORD_PUT", "response", {}, correlation, connection)
        return [
            coming(at, "RECORD_PUT", "request", {"broker": broker, "record": given}, connection, correlation=correlation),
            answer if code is None else refused(at, "RECORD_PUT", correlation, code, connection),
        ]

    def get(at, correlation, held, broker="b1", connection=2):
        return [
            coming(at, "RECORD_GET", "request", {"broker": broker}, connection, correlation=correlation),
            going(at, "RECORD_GET", "response", {} if held is None else {"record": held}, correlation, connection),
        ]

    def replica(at, connection):
        header = {"name": "n1", "minor": 3, "features": [4], "frame_bytes_max": 4259840, "in_flight_max": 1024, "idle_ms": 60000}
        return [
            event(at, "accepted", connection),
            coming(at, "HELLO", "request", {"minor": 3, "features": [4]}, connection, correlation=1),
            going(at, "HELLO", "response", header, 1, connection, any=["software", "batch_bytes_max"]),
        ]

    return session("nameserver-records", "a record is taken above the one that is held, or the same once more; what lost is refused", [
        "QNT-REG-031", "QNT-REG-032", "QNT-REG-033", "QNT-REG-034",
    ], {**SETUP, "keeps_records": True}, [
        *replica(0, 2),
        *replica(0, 4),
        *get(1, 3, None),
        *put(2, 5, first),
        *put(3, 7, grown),
        *put(4, 9, grown),
        *get(5, 3, grown, connection=4),
        *put(6, 5, record(2, slaves=(2,)), 8005, connection=4),
        *put(7, 7, record(1, term=2, master=1), 8005, connection=4),
        *put(8, 9, record(3, term=1, master=1), 8005, connection=4),
        *put(9, 11, risen, connection=4),
        *put(10, 11, cut, 8005),
        *get(11, 13, risen),
        *put(12, 15, first, 4001, broker=""),
        *put(13, 17, {**first, "store_id": ""}, 4001),
        *put(14, 19, {**first, "term": 0}, 4001),
        *put(15, 21, first, 4004, broker="b 1"),
        *get(16, 23, None, broker="b2"),
        *get(17, 25, risen),
    ])


def networks():
    """A broker with an endpoint in two networks, and one in none of those that are asked from."""
    endpoints = [
        {"scheme": "qanat", "address": "10.0.0.1:7610"},
        {"listener": "default", "scheme": "ws", "address": "10.0.0.1:7681"},
        {"listener": "lan", "scheme": "qanats", "address": "192.168.0.1:7611"},
    ]
    near, far, lan = broker_route(endpoints=endpoints[:2]), broker_route(endpoints=endpoints), broker_route(endpoints=endpoints[2:])
    found = [route("orders", ("b1", 4))]
    moved = {**endpoints[2], "address": "192.168.0.2:7611"}
    return session("nameserver-networks", "a client is given the endpoints of the network that it came in on", ["QNT-RTE-026"], SETUP, [
        *hello(WARM, 2),
        *register(WARM, 2, 3, endpoints=endpoints),
        *query(WARM + 1, 2, 5, {"topics": ["orders"]}, {"routes": found, "brokers": [near]}),
        *hello(WARM + 2, 4, listener="lan"),
        *query(WARM + 3, 4, 3, {"topics": ["orders"], "watch": True}, {"routes": found, "brokers": [lan]}),
        *hello(WARM + 4, 6, listener="wan"),
        *query(WARM + 5, 6, 3, {"all": True}, {"routes": found, "brokers": [far]}),
        *register(WARM + 6, 2, 7, revision=2, endpoints=[*endpoints[:2], moved]),
        going(WARM + 6, "ROUTE_UPDATE", "push", {"routes": found, "brokers": [broker_route(endpoints=[moved])]}, 0, 4),
        *query(WARM + 7, 2, 9, {"topics": ["orders"]}, {"routes": found, "brokers": [near]}),
    ])
