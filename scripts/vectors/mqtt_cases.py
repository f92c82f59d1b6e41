"""The cases of the vectors of MQTT: which topics a filter selects, and what rules and messages make of publications."""
import base64
import hashlib
import json
import re

SPEC = "1.2"
KEY_BYTES_MAX = 255
PROPERTIES_BYTES_MAX = 32768


def family(name, clauses, cases):
    return {"id": name, "spec": SPEC, "clauses": [f"QNT-MQT-{one}" for one in clauses], "cases": cases}


def families():
    return [filters(), mapping(), messages()]


def selects(filter_, topic):
    """By a regular expression: another way than the one of the chapter."""
    if topic.startswith("$") and filter_[0] in "+#":
        return False
    if filter_ == "#":
        return True
    pattern = re.escape(filter_).replace(r"\+", "[^/]*")
    pattern = re.sub(r"/\\#$", "(/.*)?", pattern)
    return re.fullmatch(pattern, topic, re.DOTALL) is not None


def filters():
    names = ["sport", "sport/", "/sport", "sport/tennis", "sport/tennis/player1", "/", "//", "finance", "$SYS/uptime", "$SYS", "$",
             "a/$b", " ", "ключ/1", "sport//tennis"]
    patterns = ["#", "+", "+/+", "/+", "+/", "sport", "sport/#", "sport/+", "sport/+/player1", "+/tennis/#", "/#", "+/#", "$SYS/#",
                "$SYS/+", "+/uptime", "a/+", "ключ/+", "//", "sport/+/tennis", "$/#"]
    return family("mqtt-filters", ["001"], [
        {"filter": pattern, "selects": [name for name in names if selects(pattern, name)],
         "not": [name for name in names if not selects(pattern, name)]}
        for pattern in patterns
    ])


def stored_key(text):
    data = text.encode()
    if len(data) <= KEY_BYTES_MAX and not text.startswith("#"):
        return text
    return "#" + hashlib.sha256(data).hexdigest()[:32]


def expand(template, match, topic):
    captured = {level[1:-1]: value for level, value in zip(match.split("/"), topic.split("/")) if level.startswith("{")}
    return re.sub(r"\{(\w+)\}", lambda found: captured[found[1]], template)


def is_tag(text):
    return 0 < len(text.encode()) <= 127 and not re.search(r"[\x00-\x1f\x7f|]", text) and text[0] not in " *" and text[-1] != " "


def mapped(rules, topic):
    for rule in rules:
        match = rule["match"]
        if not selects(re.sub(r"\{\w+\}", "+", match), topic):
            continue
        key = stored_key((expand(rule["key"], match, topic) if "key" in rule else "") or topic)
        tag = expand(rule["tag"], match, topic) if "tag" in rule else ""
        return {"topic": rule["topic"], **({"tag": tag} if is_tag(tag) else {}), "key": key, "carries_topic": key != topic}
    return None


def mapping():
    default = [{"match": "#", "topic": "mqtt"}]
    plant = [
        {"match": "site/{site}/cmd", "topic": "commands", "key": "{site}", "direction": "down"},
        {"match": "site/{site}/{sensor}/#", "topic": "telemetry", "tag": "{sensor}", "key": "{site}.{sensor}"},
        {"match": "{kind}/raw", "topic": "raw", "tag": "raw-{kind}", "key": "{kind}"},
        {"match": "$local/#", "topic": "local"},
    ]
    hashed = [{"match": "{a}/{b}", "topic": "t", "key": "#{a}"}, {"match": "#", "topic": "rest", "key": "one"}]
    rows = [(default, topic) for topic in ("a", "a/b", "/", " ", "ключ", "x" * 255, "x" * 256, "é" * 127, "é" * 128, "$SYS/a")]
    rows += [(plant, topic) for topic in ("site/north/cmd", "site/north/temp", "site/north/temp/1", "site//temp", "site//cmd", "site/north",
                                          "pump/raw", "/raw", "site/raw", "site/n/a|b", "site/n/*", "site/n/" + "t" * 128, "$local/x",
                                          "site/" + "n" * 300 + "/cmd", "other")]
    rows += [(hashed, topic) for topic in ("a/b", "c/d", "z")]
    return family("mqtt-mapping", ["001", "002", "004", "005", "006"],
                  [{"rules": rules, "mqtt_topic": topic, "result": mapped(rules, topic)} for rules, topic in rows])


def message(one):
    """What a bridge with the default rule stores; names and forms as the table of the chapter has them."""
    properties = {}
    if one["qos"] != (0 if "client" in one else 1):
        properties["mqtt.qos"] = str(one["qos"])
    if one.get("retain"):
        properties["mqtt.retain"] = "1"
    if "client" in one:
        properties["mqtt.client"] = one["client"]
    topic = one["mqtt_topic"]
    if stored_key(topic) != topic:
        properties["mqtt.topic"] = topic
    if "format" in one:
        properties["mqtt.format"] = str(one["format"])
    for name in ("content-type", "response-topic"):
        if name in one:
            properties[f"mqtt.{name}"] = one[name]
    if "correlation" in one:
        properties["mqtt.correlation"] = base64.b64encode(bytes.fromhex(one["correlation"])).decode()
    if "expires" in one:
        properties["mqtt.expires"] = str(one["expires"])
    if "user" in one:
        properties["mqtt.user"] = json.dumps(one["user"], ensure_ascii=False, separators=(",", ":"))
    return {"key": stored_key(topic), "body": one["body"], "properties": properties}


def messages():
    base = {"mqtt_topic": "a/b", "qos": 0, "body": "x", "client": "c"}
    published = [
        base, base | {"qos": 1}, base | {"qos": 2, "retain": True}, base | {"body": ""}, base | {"client": ""},
        {"mqtt_topic": "a", "qos": 0, "body": ""}, {"mqtt_topic": "a", "qos": 1, "body": ""}, {"mqtt_topic": "a", "qos": 2, "body": ""},
        base | {"format": 0}, base | {"format": 1, "content-type": "text/plain"}, base | {"content-type": ""},
        base | {"response-topic": "r/é", "correlation": ""}, base | {"correlation": "00ff10"}, base | {"expires": 1700000000000},
        base | {"user": [["b", "1"], ["a", "2"], ["b", "3"], ["2", "x"], ["", ""], ["\"", "\\ключ"]]},
        base | {"mqtt_topic": "t" * 300, "qos": 1},
    ]
    foreign = [
        ({"key": "a", "body": "on", "properties": {}}, {"mqtt_topic": "a", "qos": 1, "body": "on"}),
        ({"key": "a", "body": "", "properties": {"mqtt.qos": "0", "mqtt.retain": "1"}}, {"mqtt_topic": "a", "qos": 0, "retain": True, "body": ""}),
        ({"key": "k", "body": "", "properties": {"mqtt.topic": "a/b"}}, {"mqtt_topic": "a/b", "qos": 1, "body": ""}),
        ({"key": "a", "body": "", "properties": {"unit": "K", "qnt.attempt": "2", "mqtt.new": "1", "mqtt.user": "[[\"z\",\"1\"]]"}},
         {"mqtt_topic": "a", "qos": 1, "body": "", "user": [["z", "1"], ["unit", "K"]]}),
        ({"key": "a", "body": "", "properties": {"unit": "K", "mqtt.client": "c"}}, {"mqtt_topic": "a", "qos": 0, "body": "", "client": "c"}),
        ({"key": "a", "body": "", "properties": {"mqtt.qos": "3", "mqtt.format": "2", "mqtt.expires": "1.5", "mqtt.correlation": "AB=",
                                                 "mqtt.user": "{}", "mqtt.response-topic": "a/+", "mqtt.content-type": "\0"}},
         {"mqtt_topic": "a", "qos": 1, "body": ""}),
        ({"body": "x", "properties": {}}, None), ({"key": "a/+", "body": "x", "properties": {}}, None),
        ({"key": "$SYS/a", "body": "x", "properties": {}}, None), ({"key": "a", "body": "x", "properties": {"mqtt.topic": ""}}, None),
        ({"key": "a", "body": "{\"mqtt.client\":\"c\"}x", "properties": {"mqtt.head": "19"}},
         {"mqtt_topic": "a", "qos": 0, "body": "x", "client": "c"}),
        ({"key": "a", "body": "[]x", "properties": {"mqtt.head": "2"}}, None), ({"key": "a", "body": "{}", "properties": {"mqtt.head": "3"}}, None),
    ]
    return family("mqtt-messages", ["006", "007", "008", "009", "010", "011", "014"], [
        *({"publication": one, "message": message(one)} for one in published),
        *({"message": stored, "read": seen} for stored, seen in foreign),
    ])
