"""Writes and reads values with pymemcache, so that both sides can be compared.

    interop.py write ADDRESS PREFIX     stores one value of each kind
    interop.py read ADDRESS KEY...      reads keys

ADDRESS is host:port or unix:/path. Both print a JSON list of {"key", "kind", "text"}: the name of
the Python type, and the value as text (bytes in hexadecimal).
"""

import json
import sys

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


def connect(address):
    if address.startswith("unix:"):
        server = address
    else:
        host, port = address.rsplit(":", 1)
        server = (host, int(port))
    return Client(
        server,
        serde=serde.pickle_serde,
        connect_timeout=10,
        timeout=10,
        default_noreply=False,
    )


def describe(key, value):
    text = value.hex() if isinstance(value, bytes) else str(value)
    return {"key": key, "kind": type(value).__name__, "text": text}


def write(client, prefix):
    values = {prefix + name: value for name, value in VALUES.items()}
    for key, value in values.items():
        if not client.set(key, value):
            raise RuntimeError(f"{key} was not stored")
    return [describe(key, value) for key, value in values.items()]


def read(client, *keys):
    return [describe(key, client.get(key)) for key in keys]


def main():
    if len(sys.argv) < 3 or sys.argv[1] not in ("write", "read"):
        sys.exit(__doc__)
    action = {"write": write, "read": read}[sys.argv[1]]
    print(json.dumps(action(connect(sys.argv[2]), *sys.argv[3:])))


if __name__ == "__main__":
    main()
