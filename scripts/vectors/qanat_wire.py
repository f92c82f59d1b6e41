"""A second opinion on the bytes of the protocol: reads the schema and encodes frames and record batches.

Shares no line with the implementation in packages/core; standard library only.
"""
import json
import re
import struct
import zlib
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
PROTO = ROOT / "spec" / "v1" / "proto"
FLAGS = {"RESPONSE": 1, "ONEWAY": 2, "IGNORABLE": 4, "ERROR": 8, "MORE": 16}
WIRE_TYPES = {"string": 2, "bytes": 2, "uint32": 0, "uint64": 0, "bool": 0}


def crc32(data, seed=0):
    return zlib.crc32(data, seed) & 0xFFFFFFFF


def crc32_bitwise(data):
    """The checksum from its definition, for the vectors of the checksum itself."""
    value = 0xFFFFFFFF
    for byte in data:
        value ^= byte
        for _ in range(8):
            value = (value >> 1) ^ (0xEDB88320 if value & 1 else 0)
    return value ^ 0xFFFFFFFF


def fmix32(h):
    h ^= h >> 16
    h = h * 0x85EBCA6B & 0xFFFFFFFF
    h ^= h >> 13
    h = h * 0xC2B2AE35 & 0xFFFFFFFF
    return h ^ h >> 16


def read_schema():
    """Messages as {name: [(repeated, type, field, number)]}, enums as {name: {value: number}}, frames as {name: options}."""
    messages, enums, frames = {}, {}, {}
    for path in sorted(PROTO.glob("*.proto")):
        text = re.sub(r"//[^\n]*", "", path.read_text())
        for name, body in re.findall(r"\nmessage (\w+) \{(.*?)\n?\}", text, re.S):
            fields = re.findall(r"(repeated )?(\w+) (\w+) = (\d+)", body)
            messages[name] = [(bool(r), t, f, int(n)) for r, t, f, n in fields]
        for name, body in re.findall(r"\nenum (\w+) \{(.*?)\n\}", text, re.S):
            rows = re.findall(r"^\s+(\w+) = (0x[0-9a-fA-F]+|\d+)(.*)$", body, re.M)
            enums[name] = {value: int(number, 0) for value, number, _ in rows}
            if name == "FrameType":
                frames = {value: dict(re.findall(r'(\w+): "([^"]*)"', rest)) for value, _, rest in rows}
    return messages, enums, frames


MESSAGES, ENUMS, FRAMES = read_schema()


def varint(value):
    out = bytearray()
    while value >= 0x80:
        out.append(value & 0x7F | 0x80)
        value >>= 7
    return bytes(out + bytes([value]))


def scalar(kind, value):
    if kind == "string":
        data = value.encode()
        return varint(len(data)) + data
    if kind == "bytes":
        data = bytes.fromhex(value)
        return varint(len(data)) + data
    if kind in ENUMS:
        return varint(ENUMS[kind][value] if isinstance(value, str) else value)
    return varint(int(value))


def message_parts(name, value, depth=0):
    """The fields of a message as (bytes, comment, depth), in the order of their numbers."""
    known = {field for _, _, field, _ in MESSAGES[name]}
    unknown = set(value) - known
    if unknown:
        raise KeyError(f"{name} has no field {sorted(unknown)}")
    for repeated, kind, field, number in MESSAGES[name]:
        if field not in value:
            continue
        given = value[field]
        items = given if repeated else [given]
        if kind in MESSAGES:
            for item in items:
                inner = list(message_parts(kind, item, depth + 1))
                length = sum(len(part[0]) for part in inner)
                yield varint(number << 3 | 2) + varint(length), f"{number} {field}, {length} bytes", depth
                yield from inner
        elif repeated and kind != "string":
            packed = b"".join(scalar(kind, item) for item in items)
            if packed:
                yield varint(number << 3 | 2) + varint(len(packed)) + packed, f"{number} {field} = {items}", depth
        else:
            wire = WIRE_TYPES.get(kind, 0)
            for item in items:
                if not repeated and item in (0, "", False):
                    continue
                yield varint(number << 3 | wire) + scalar(kind, item), f"{number} {field} = {json.dumps(item)}", depth


def encode_message(name, value):
    return b"".join(part for part, _, _ in message_parts(name, value))


def message_of(frame, kind):
    if kind == "error":
        return "ErrorInfo"
    return FRAMES[frame]["response" if kind == "response" else "request"]


def flags_of(kind, more=False):
    flags = {"request": 0, "response": 1, "error": 9, "push": 2}[kind]
    return flags | (FLAGS["MORE"] if more else 0)


def frame_parts(frame, kind, example):
    """A whole frame as (bytes, comment, depth)."""
    control = list(message_parts(message_of(frame, kind), example.get("header", {})))
    control_length = sum(len(part[0]) for part in control)
    payload = list(payload_parts(example.get("payload")))
    payload_length = sum(len(part[0]) for part in payload)
    flags = flags_of(kind, example.get("more", False))
    number = ENUMS["FrameType"][frame]
    correlation = example.get("correlation", 0)
    length = 12 + control_length + payload_length
    names = "+".join(name for name, bit in FLAGS.items() if flags & bit) or "no flag"
    yield struct.pack(">I", length), f"{length} bytes follow", 0
    yield struct.pack(">HBB", number, flags, 0), f"{frame}, {names}", 0
    yield struct.pack(">I", correlation), f"correlation {correlation}", 0
    yield struct.pack(">I", control_length), f"control header of {control_length} bytes", 0
    yield from control
    yield from payload


def payload_parts(payload):
    if payload is None:
        return
    if isinstance(payload, str):
        if payload:
            yield bytes.fromhex(payload), "payload", 0
        return
    for batch in payload["batches"]:
        yield from batch_parts(batch)


def encode_frame(frame, kind, example):
    return b"".join(part for part, _, _ in frame_parts(frame, kind, example))


def text_field(text):
    data = (text or "").encode()
    return varint(len(data) + 1) + data if data else b"\0"


def body_of(record):
    return bytes.fromhex(record["body_hex"]) if "body_hex" in record else record.get("body", "").encode()


def encode_record(record, born_time_ms):
    delta = record.get("born_time_ms", born_time_ms) - born_time_ms
    body = body_of(record)
    out = b"\0" + varint(delta * 2 if delta >= 0 else -delta * 2 - 1)
    out += text_field(record.get("key")) + text_field(record.get("tag"))
    out += varint(len(body)) + body
    properties = record.get("properties", {})
    out += varint(len(properties))
    for name, value in properties.items():
        for text in (name, value):
            out += varint(len(text.encode())) + text.encode()
    return varint(len(out)) + out


def batch_parts(batch):
    """A record batch as (bytes, comment, depth); with "stamp" as a broker stores it."""
    records = batch["records"]
    born = batch.get("born_time_ms", 0)
    columns = []
    attributes = 0
    for name, bit in (("tag", 0x0100), ("key", 0x0200)):
        if any(record.get(name) for record in records):
            attributes |= bit
            sums = [crc32(record[name].encode()) if record.get(name) else 0 for record in records]
            columns.append((struct.pack(f">{len(sums)}I", *sums), f"{name} column", 0))
    encoded = [(encode_record(record, born), f"record {i}", 0) for i, record in enumerate(records)]
    if batch.get("compress"):
        plain = b"".join(part for part, _, _ in encoded)
        deflate = zlib.compressobj(-1, zlib.DEFLATED, -15)
        packed = deflate.compress(plain) + deflate.flush()
        encoded = [(struct.pack(">I", len(plain)), f"{len(plain)} bytes when inflated", 0), (packed, "deflated records", 0)]
        attributes |= 1
    attributes |= batch.get("attributes", 0)
    rest = columns + encoded
    length = 64 + sum(len(part[0]) for part in rest)
    tail = struct.pack(
        ">HHIIQQ",
        attributes,
        batch.get("producer_epoch", 0),
        len(records),
        batch.get("base_sequence", 0),
        batch.get("producer_id", 0),
        born,
    )
    body_sum = crc32(tail + b"".join(part for part, _, _ in rest))
    stamp = batch.get("stamp")
    head = struct.pack(">HBBI", 0x5242, 1, 8, length - 8)
    offset, term, store_time = (stamp["base_offset"], stamp["term"], stamp["store_time_ms"]) if stamp else (0, 0, 0)
    head_sum = crc32(head + struct.pack(">QIIQ", offset, term, 0, store_time)) if stamp else 0
    yield head, f'"RB", version 1, header of 64 bytes, {length - 8} bytes follow', 0
    yield struct.pack(">QII", offset, term, head_sum), f"base offset {offset}, term {term}, header checksum", 0
    yield struct.pack(">Q", store_time), f"store time {store_time}", 0
    yield struct.pack(">I", body_sum), "body checksum", 0
    yield tail[:4], f"attributes 0x{attributes:04x}, producer epoch {batch.get('producer_epoch', 0)}", 0
    yield tail[4:12], f"{len(records)} records, base sequence {batch.get('base_sequence', 0)}", 0
    yield tail[12:28], f"producer id {batch.get('producer_id', 0)}, born time {born}", 0
    yield from rest


def encode_batch(batch):
    return b"".join(part for part, _, _ in batch_parts(batch))


def entry_parts(entry):
    """An entry of the commit log as (bytes, comment, depth)."""
    body_lines = list(batch_parts(entry["batch"])) if "batch" in entry else list(message_parts("StateRecord", entry["state"]))
    body = b"".join(part for part, _, _ in body_lines)
    kind = 1 if "batch" in entry else 2
    length = struct.pack(">I", 64 + len(body))
    placed = struct.pack(">BBHIIIQ", 1, kind, 0, entry.get("topic_id", 0), entry.get("queue", 0), entry["term"], entry["position"])
    synced = struct.pack(">Q", entry.get("synced_position", 0))
    previous = entry.get("previous_chain", 0)
    times = struct.pack(">QQ", 0, 0)
    chain = crc32(length + placed + times + (body[:64] if kind == 1 else body), previous)
    chains = struct.pack(">II", previous, chain)
    checksum = struct.pack(">I", crc32(length + placed + synced + chains + times))
    yield length, f"{64 + len(body)} bytes, this header included", 0
    yield checksum, "header checksum", 0
    yield placed[:4], f"version 1, kind {kind}, flags 0", 0
    yield placed[4:16], f"topic id {entry.get('topic_id', 0)}, queue {entry.get('queue', 0)}, term {entry['term']}", 0
    yield placed[16:], f"position {entry['position']}", 0
    yield synced, f"synced position {entry.get('synced_position', 0)}", 0
    yield chains, "previous chain, chain", 0
    yield times, "due time, source position", 0
    yield from body_lines
