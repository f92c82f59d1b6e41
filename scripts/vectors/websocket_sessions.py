"""Sessions of a server behind WebSocket: requests for the upgrade and messages in, answers, frames and ends out."""
import base64
import hashlib

import sessions
from qanat_wire import encode_frame
from sessions import event, going, goodbye, server

KEY = "dGhlIHNhbXBsZSBub25jZQ=="
GUID = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11"
UPGRADE = {
    "host": "broker:7681",
    "upgrade": "websocket",
    "connection": "Upgrade",
    "sec-websocket-version": "13",
    "sec-websocket-key": KEY,
    "sec-websocket-protocol": "qanat.v1",
}
PAGE = "https://app.example"


def setup():
    return server(origins=[PAGE]) | {"layer": "websocket"}


def session(name, title, clauses, steps):
    return sessions.session(name, title, [f"QNT-{one}" for one in clauses], setup(), steps) | {"spec": "1.1"}


def request(at, changes=None, method="GET", path="/"):
    headers = {name: value for name, value in {**UPGRADE, **(changes or {})}.items() if value is not None}
    return {"at": at, "connection": 2, "request": {"method": method, "path": path, "headers": headers}}


def answer(at, status, headers=None, absent=None):
    more = {"absent": absent} if absent else {}
    return {"at": at, "connection": 2, "answer": {"status": status, "headers": headers or {}, **more}}


def agreed(at):
    accept = base64.b64encode(hashlib.sha1((KEY + GUID).encode()).digest()).decode()
    headers = {"upgrade": "websocket", "sec-websocket-accept": accept, "sec-websocket-protocol": "qanat.v1"}
    return answer(at, 101, headers, ["sec-websocket-extensions"])


def upgrade(at=0, changes=None):
    return [event(at, "accepted"), request(at, changes), agreed(at)]


def message(at, frames, says, **more):
    return {"at": at, "connection": 2, "message": b"".join(frames).hex(), "says": says, **more}


def ask(frame, correlation, header=None):
    return encode_frame(frame, "request", {"header": header or {}, "correlation": correlation})


def greeting(at):
    return [
        message(at, [ask("HELLO", 1)], "HELLO"),
        going(at, "HELLO", "response", sessions.HELLO_OK, 1, any=["software"]),
    ]


def ended(at, code, close_code):
    bye, close = goodbye(at, code)
    return [bye, {**close, "code": close_code}]


def all_sessions():
    yield session("websocket-messages", "several frames in a message, and a message in several pieces", ["WSK-001", "WSK-002", "WSK-008", "WSK-013"], [
        *upgrade(),
        *greeting(1),
        message(2, [ask("PING", 3), ask("PING", 5)], "two frames"),
        going(2, "PING", "response", {}, 3),
        going(2, "PING", "response", {}, 5),
        message(3, [ask("PING", 7), ask("PING", 9)], "in pieces of these lengths, a ping of WebSocket between each two", pieces=[1, 0, 15, 7, 9]),
        going(3, "PING", "response", {}, 7),
        going(3, "PING", "response", {}, 9),
    ])
    yield session("websocket-split-frame", "a frame in two messages", ["WSK-010"], [
        *upgrade(),
        *greeting(1),
        message(2, [ask("PING", 3), ask("PING", 5)[:10]], "a whole frame and the begin of another"),
        going(2, "PING", "response", {}, 3),
        *ended(2, 1001, 1000),
    ])
    yield session("websocket-empty", "a message without a frame", ["WSK-010"], [
        *upgrade(),
        *greeting(1),
        message(2, [], "nothing"),
        *ended(2, 1001, 1000),
    ])
    yield session("websocket-text", "a text message behind a frame", ["WSK-011"], [
        *upgrade(),
        *greeting(1),
        message(2, [ask("PING", 3)], "a frame"),
        going(2, "PING", "response", {}, 3),
        {"at": 3, "connection": 2, "text": '{"topic": "orders"}'},
        *ended(3, 1001, 1003),
    ])
    longest = (16384).to_bytes(4, "big")
    yield session("websocket-longest-before-hello", "as long as a message may be before HELLO is answered, and not HELLO", ["WSK-012", "WSK-009"], [
        *upgrade(),
        message(1, [longest, bytes.fromhex("060400000000000100000000")], "TOPIC_LIST with zeros for a payload", zeros=16384 - 12),
        sessions.refused(1, "TOPIC_LIST", 1, 1004),
        *ended(1, 1004, 1000),
    ])
    yield session("websocket-too-long-before-hello", "a message of one byte more", ["WSK-012"], [
        *upgrade(),
        message(1, [(16385).to_bytes(4, "big")], "a frame of 16,385 bytes", zeros=16385),
        *ended(1, 1002, 1000),
    ])
    yield session("websocket-too-long-joined", "frames that are short, in a message that is long, before HELLO is answered", ["WSK-009", "WSK-012"], [
        *upgrade(),
        message(1, [ask("HELLO", 1)] * 1025, "16,400 bytes of frames"),
        *ended(1, 1002, 1000),
    ])
    yield session("websocket-hello-late", "an upgrade that leaves little time for HELLO", ["WSK-007"], [
        event(0, "accepted"),
        request(4000),
        agreed(4000),
        *ended(5000, 1005, 1000),
    ])
    yield session("websocket-among-others", "qanat.v1 among other subprotocols, and an extension", ["WSK-002", "WSK-006"], [
        *upgrade(0, {
            "sec-websocket-protocol": "mqtt, qanat.v1, qanat.v2",
            "sec-websocket-extensions": "permessage-deflate; client_max_window_bits",
        }),
        *greeting(1),
    ])
    yield session("websocket-allowed-origin", "a page that may connect", ["WSK-005"], [*upgrade(0, {"origin": PAGE}), *greeting(1)])
    yield session("websocket-refused", "requests that are no upgrade to this protocol", ["WSK-002", "WSK-004", "WSK-005"], [
        step
        for at, (status, changes, more) in enumerate([
            (400, {"sec-websocket-protocol": None}, {}),
            (400, {"sec-websocket-protocol": "qanat.v2"}, {}),
            (400, {"sec-websocket-key": "short"}, {}),
            (403, {"origin": "https://other.example"}, {}),
            (403, {"origin": "null"}, {}),
            (404, {}, {"path": "/console"}),
            (426, {"upgrade": None, "connection": None}, {}),
            (426, {"sec-websocket-version": "8"}, {}),
        ])
        for step in [event(at, "accepted"), request(at, changes, **more), answer(at, status)]
    ])
