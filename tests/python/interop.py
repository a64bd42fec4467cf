"""Writes and reads values with pymemcache, so that both sides can be compared.

    interop.py write ADDRESS PREFIX               stores one value of each kind
    interop.py read ADDRESS KEY...                reads keys
    interop.py write-compressed ADDRESS PREFIX    stores some values as CompressedSerde does
    interop.py read-compressed ADDRESS KEY...     reads keys as compressed_serde does

ADDRESS is host:port or unix:/path. Each prints a JSON list of {"key", "kind", "text"}: the name of
the Python type, and the value as text (bytes in hexadecimal).
"""

import json
import sys
import zlib

from pymemcache import serde
from pymemcache.client.base import Client

VALUES = {
    "text": "plain text",
    "text-empty": "",
    "text-unicode": "Grüße, 世界 🌍",
    "text-lines": "first\r\nEND\r\nlast",
    "int": 42,
    "int-zero": 0,
    "int-negative": -7,
    "int-64-bits": 2**63 - 1,
    "int-large": 2**100,
    "bytes": b"raw",
    "bytes-empty": b"",
    "bytes-all": bytes(range(256)),
    "pickle": {"name": "Ada", "tags": ["a", "b"]},
}

COMPRESSED = {
    "text": "Grüße, 世界 🌍\r\n" * 100,
    "text-short": "short",
    "bytes": bytes(range(256)) * 8,
    "int": int("1" * 38),
    "int-negative": -int("7" * 38),
    "int-short": 42,
    "pickle": ["Ada"] * 200,
}


def deflate(value):
    """Compresses integers too, which arrive here as text."""
    return zlib.compress(value if isinstance(value, bytes) else value.encode("ascii"))


def connect(address, codec):
    if address.startswith("unix:"):
        server = address
    else:
        host, port = address.rsplit(":", 1)
        server = (host, int(port))
    return Client(
        server,
        serde=codec,
        connect_timeout=10,
        timeout=10,
        default_noreply=False,
    )


def describe(key, value):
    text = value.hex() if isinstance(value, bytes) else str(value)
    return {"key": key, "kind": type(value).__name__, "text": text}


def store(client, prefix, values):
    values = {prefix + name: value for name, value in values.items()}
    for key, value in values.items():
        if not client.set(key, value):
            raise RuntimeError(f"{key} was not stored")
    return [describe(key, value) for key, value in values.items()]


def fetch(client, keys):
    return [describe(key, client.get(key)) for key in keys]


def write(address, prefix):
    return store(connect(address, serde.pickle_serde), prefix, VALUES)


def write_compressed(address, prefix):
    codec = serde.CompressedSerde(compress=deflate, min_compress_len=20)
    return store(connect(address, codec), prefix, COMPRESSED)


def read(address, *keys):
    return fetch(connect(address, serde.pickle_serde), keys)


def read_compressed(address, *keys):
    return fetch(connect(address, serde.compressed_serde), keys)


ACTIONS = {
    "write": write,
    "read": read,
    "write-compressed": write_compressed,
    "read-compressed": read_compressed,
}


def main():
    if len(sys.argv) < 3 or sys.argv[1] not in ACTIONS:
        sys.exit(__doc__)
    print(json.dumps(ACTIONS[sys.argv[1]](*sys.argv[2:])))


if __name__ == "__main__":
    main()
