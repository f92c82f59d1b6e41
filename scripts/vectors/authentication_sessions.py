"""Sessions of a login: SCRAM-SHA-256 with the example of RFC 7677, computed here with Python's own hashes."""
import base64
import hashlib
import hmac

from sessions import coming, event, going, goodbye, refused, session

USER, PASSWORD, ROUNDS = "user", "pencil", 4096
CLIENT_NONCE, SERVER_NONCE = "rOprNGfwEbeRWgbNEkqO", "%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0"
SALT = "W22ZaJ0SNY7soEsUEjb6gQ=="
UNAUTHENTICATED, FORBIDDEN, AUTH_FAILED, AUTH_TIMEOUT = 7001, 7002, 7003, 1010
UNEXPECTED_FRAME, UNSUPPORTED_FEATURE = 1007, 4003


def mac(key, text):
    return hmac.new(key, text.encode(), hashlib.sha256).digest()


def b64(data):
    return base64.b64encode(data).decode()


SALTED = hashlib.pbkdf2_hmac("sha256", PASSWORD.encode(), base64.b64decode(SALT), ROUNDS)
CLIENT_KEY, SERVER_KEY = mac(SALTED, "Client Key"), mac(SALTED, "Server Key")
STORED_KEY = hashlib.sha256(CLIENT_KEY).digest()

FIRST = f"n,,n={USER},r={CLIENT_NONCE}"
ANSWER = f"r={CLIENT_NONCE}{SERVER_NONCE},s={SALT},i={ROUNDS}"
OPEN = f"c=biws,r={CLIENT_NONCE}{SERVER_NONCE}"
SEEN = f"{FIRST[3:]},{ANSWER},{OPEN}"
PROOF = bytes(a ^ b for a, b in zip(CLIENT_KEY, mac(STORED_KEY, SEEN)))
FINAL = f"{OPEN},p={b64(PROOF)}"
VERDICT = f"v={b64(mac(SERVER_KEY, SEEN))}"

USERS = [{
    "name": USER, "roles": ["client"], "permissions": ["read topic:seen"],
    "scram": {"salt": SALT, "iterations": ROUNDS, "storedKey": b64(STORED_KEY), "serverKey": b64(SERVER_KEY)},
}]
SERVER = {
    "layer": "server", "minor": 1, "identity": {"role": "BROKER", "name": "b1"}, "serves": ["TOPIC_DESCRIBE", "TOPIC_REMOVE"],
    "answers": {"TOPIC_DESCRIBE": {"header": {}}}, "users": USERS, "nonce": SERVER_NONCE, "user_secret": "00",
}
CLIENT = {
    "layer": "client", "greeting": {"minor": 1, "software": "vector"}, "credentials": {"user": USER, "password": PASSWORD},
    "nonce": CLIENT_NONCE,
}
LATE = ["how late the refusal comes, from one second on"]


def login(name, title, clauses, setup, steps, free=None):
    made = session(name, title, clauses, setup, steps)
    return {**made, "spec": "1.1", **({"free": free} if free else {})}


def auth(text):
    return {"mechanism": "SCRAM_SHA_256", "data": text.encode().hex()}


def hello():
    return [
        event(0, "accepted"),
        coming(0, "HELLO", "request", {"minor": 1, "features": [1], "required_features": [1]}, correlation=1),
        going(0, "HELLO", "response", {"minor": 1, "features": [1], "role": "BROKER", "name": "b1", "mechanisms": [1]}, 1,
              any=["frame_bytes_max", "batch_bytes_max", "in_flight_max", "idle_ms"]),
    ]


def first(at=10):
    return [coming(at, "AUTH", "request", auth(FIRST), correlation=3), going(at, "AUTH", "response", {"data": ANSWER.encode().hex()}, 3)]


def refusal(at, correlation):
    return [refused(at, "AUTH", correlation, AUTH_FAILED), *goodbye(at, AUTH_FAILED)]


def server_sessions():
    yield login("server-auth-scram", "a login by password, the example of RFC 7677, and what the user may do",
                ["QNT-AUT-001", "QNT-AUT-008", "QNT-AUT-014", "QNT-ATZ-001", "QNT-ATZ-003"], SERVER, [
                    *hello(), *first(),
                    coming(20, "AUTH", "request", auth(FINAL), correlation=5),
                    going(20, "AUTH", "response", {"data": VERDICT.encode().hex(), "done": True, "principal": USER}, 5),
                    coming(30, "TOPIC_DESCRIBE", "request", {"topic": "seen"}, correlation=7),
                    going(30, "TOPIC_DESCRIBE", "response", {}, 7),
                    coming(30, "TOPIC_DESCRIBE", "request", {"topic": "other"}, correlation=9),
                    refused(30, "TOPIC_DESCRIBE", 9, FORBIDDEN),
                    coming(30, "TOPIC_REMOVE", "request", {"topic": "seen"}, correlation=11),
                    refused(30, "TOPIC_REMOVE", 11, FORBIDDEN),
                    coming(40, "AUTH", "request", auth(FIRST), correlation=13),
                    *goodbye(40, UNEXPECTED_FRAME),
                ])
    yield login("server-auth-wrong-password", "a proof that is wrong: the answer comes late, and is the last",
                ["QNT-AUT-007", "QNT-AUT-008", "QNT-AUT-017"], SERVER, [
                    *hello(), *first(),
                    coming(20, "AUTH", "request", auth(FINAL.replace("p=d", "p=e")), correlation=5),
                    coming(30, "TOPIC_DESCRIBE", "request", {"topic": "seen"}, correlation=7),
                    *refusal(1020, 5),
                ], LATE)
    yield login("server-auth-other-nonce", "the nonce of the last message only begins like the one that was given", ["QNT-AUT-008"], SERVER, [
        *hello(), *first(),
        coming(20, "AUTH", "request", auth(FINAL.replace("$k0,p", "$k0x,p")), correlation=5),
        *refusal(1020, 5),
    ], LATE)
    yield login("server-auth-before", "a request before the login", ["QNT-AUT-004"], SERVER, [
        *hello(),
        coming(5, "PING", "request", correlation=3),
        going(5, "PING", "response", {}, 3),
        coming(5, "TOPIC_DESCRIBE", "request", {"topic": "seen"}, correlation=5),
        refused(5, "TOPIC_DESCRIBE", 5, UNAUTHENTICATED),
        *goodbye(5, UNAUTHENTICATED),
    ])
    yield login("server-auth-not-asked", "a client of version 1.0 at a server that authenticates", ["QNT-AUT-003"], SERVER, [
        event(0, "accepted"),
        coming(0, "HELLO", "request", correlation=1),
        refused(0, "HELLO", 1, UNAUTHENTICATED),
        *goodbye(0, UNAUTHENTICATED),
    ])
    yield login("server-auth-late", "half a login does not win time", ["QNT-AUT-006"], SERVER, [
        *hello(), *first(9000), *goodbye(10000, AUTH_TIMEOUT),
    ])


def begun():
    return [
        event(0, "connect", 1),
        event(0, "opened", 1),
        going(0, "HELLO", "request", {"minor": 1, "features": [1], "required_features": [1], "software": "vector"}, "$hello", 1),
        {"at": 0, "connection": 1, "call": {"name": "list", "frame": "TOPIC_LIST", "header": {}, "timeout_ms": 20000}},
    ]


def answered(at, text, correlation, **more):
    return coming(at, "AUTH", "response", {"data": text.encode().hex(), **more}, 1, correlation=correlation)


def asked(at, text, correlation):
    return going(at, "AUTH", "request", auth(text), correlation, 1)


def greeted():
    header = {"minor": 1, "features": [1], "role": "BROKER", "name": "b1", "mechanisms": [1]}
    return [*begun(), coming(10, "HELLO", "response", header, 1, correlation="$hello"), asked(10, FIRST, "$first")]


def failing(at, code):
    return [event(at, "abort", 1), {"at": at, "connection": 1, "result": {"name": "list", "error": {"code": code, "outcome": "not-sent"}}}]


def client_sessions():
    half = [*greeted(), answered(20, ANSWER, "$first"), asked(20, FINAL, "$final")]
    yield login("client-auth-scram", "a client logs in, the example of RFC 7677; what was asked for waits",
                ["QNT-AUT-002", "QNT-AUT-010", "QNT-AUT-016"], CLIENT, [
                    *half,
                    answered(30, VERDICT, "$final", done=True, principal=USER),
                    going(30, "TOPIC_LIST", "request", {}, "$list", 1),
                ])
    yield login("client-auth-impostor", "the server does not know the password", ["QNT-AUT-010"], CLIENT, [
        *half,
        answered(30, VERDICT.replace("v=6", "v=7"), "$final", done=True, principal=USER),
        *failing(30, "AUTH_FAILED"),
    ])
    yield login("client-auth-few-rounds", "the server asks for too few rounds", ["QNT-AUT-011"], CLIENT, [
        *greeted(),
        answered(20, ANSWER.replace("4096", "4095"), "$first"),
        *failing(20, "AUTH_FAILED"),
    ])
    yield login("client-auth-not-there", "a server that does not authenticate", ["QNT-AUT-002"], CLIENT, [
        *begun(),
        coming(10, "HELLO", "error", {"code": UNSUPPORTED_FEATURE, "message": "no authentication"}, 1, correlation="$hello"),
        *failing(10, "UNSUPPORTED_FEATURE"),
    ])


def all_sessions():
    return [*server_sessions(), *client_sessions()]
