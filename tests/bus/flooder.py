"""A caller without manners: raw messages on raw sockets, standard library only.

Run on its own by any user (`python3 -c SOURCE ADDRESS MODE …`); says on standard output, in one
JSON object, what came back: answers by error name, "" for success.
"""

import json
import os
import selectors
import socket
import struct
import sys
import time
from collections import Counter

BUS = ("org.freedesktop.DBus", "/org/freedesktop/DBus", "org.freedesktop.DBus")
BACK = ("org.tetraslibre.Back", "/org/tetraslibre/Back", "org.tetraslibre.Back")
PEER = (*BACK[:2], "org.freedesktop.DBus.Peer")
PROPERTIES = (*BACK[:2], "org.freedesktop.DBus.Properties")


def string(text):
    data = text.encode()
    return struct.pack("<I", len(data)) + data + b"\0"


def field(code, kind, value):
    data = value.encode()
    length = struct.pack("<I", len(data)) if kind != "g" else bytes((len(data),))
    return bytes((code, 1)) + kind.encode() + b"\0" + length + data + b"\0"


def message(where, member, serial, signature="", body=b"", kind=1, flags=0):
    destination, path, interface = where
    fields = b""
    for code, kind_of, value in (
        (1, "o", path),
        (2, "s", interface),
        (3, "s", member),
        (6, "s", destination),
        (8, "g", signature),
    ):
        if value:
            fields += bytes(-len(fields) % 8) + field(code, kind_of, value)
    length = len(fields)
    fields += bytes(-length % 8)
    head = struct.pack("<cBBBIII", b"l", kind, flags, 1, len(body), serial, length)
    return head + fields + body


def connect(address):
    sock = socket.socket(socket.AF_UNIX)
    sock.connect(address.removeprefix("unix:path="))
    sock.sendall(b"\0AUTH EXTERNAL " + str(os.getuid()).encode().hex().encode() + b"\r\n")
    assert sock.recv(4096).startswith(b"OK")
    sock.sendall(b"BEGIN\r\n" + message(BUS, "Hello", 1))
    return sock


class Answers:
    """Counts the answers in a stream of messages."""

    def __init__(self):
        self.buffer = b""
        self.found = Counter()

    def feed(self, data):
        self.buffer += data
        at = 0
        while len(self.buffer) - at >= 16:
            kind = self.buffer[at + 1]
            body, _, length = struct.unpack_from("<III", self.buffer, at + 4)
            size = 16 + (length + 7 & ~7) + body
            if len(self.buffer) - at < size:
                break
            if kind == 2:
                self.found[""] += 1
            elif kind == 3:
                head = self.buffer[at + 16 : at + 16 + length]
                name = head[head.index(b"\4\1s\0") + 8 :].split(b"\0")[0].decode()
                self.found[name.rpartition(".")[2]] += 1
            at += size
        self.buffer = self.buffer[at:]

    @property
    def total(self):
        return sum(self.found.values())


def exchange(sock, data, expected, seconds=30.0):
    """Write DATA and read at the same time, until EXPECTED answers are there (Hello's too)."""
    answers = Answers()
    sock.setblocking(False)
    selector = selectors.DefaultSelector()
    selector.register(sock, selectors.EVENT_READ | selectors.EVENT_WRITE)
    end = time.monotonic() + seconds
    at = 0
    while answers.total < expected and time.monotonic() < end:
        for _, events in selector.select(0.5):
            if events & selectors.EVENT_READ:
                received = sock.recv(1 << 16)
                if not received:
                    return answers.found + Counter(disconnected=1)
                answers.feed(received)
            if events & selectors.EVENT_WRITE:
                at += sock.send(data[at : at + (1 << 16)])
                if at >= len(data):
                    selector.modify(sock, selectors.EVENT_READ)
    return answers.found


def flood(address, where, member, count, signature="", body=b""):
    """COUNT calls at once."""
    sock = connect(address)
    calls = [message(where, member, 2 + n, signature, body) for n in range(count)]
    return exchange(sock, b"".join(calls), count + 1)


def crowd(address, calls, connections, seconds):
    """CONNECTIONS that write CALLS as fast as they can for SECONDS, and read what comes back."""
    selector = selectors.DefaultSelector()
    for _ in range(connections):
        sock = connect(address)
        sock.setblocking(False)
        selector.register(sock, selectors.EVENT_READ | selectors.EVENT_WRITE, [b""])
    batch = b"".join(calls)
    print("ready", flush=True)
    end = time.monotonic() + seconds
    received = 0
    while time.monotonic() < end:
        for key, events in selector.select(0.5):
            try:
                if events & selectors.EVENT_READ:
                    received += len(key.fileobj.recv(1 << 16))
                if events & selectors.EVENT_WRITE:
                    rest = key.data[0] or batch
                    key.data[0] = rest[key.fileobj.send(rest) :]
            except BlockingIOError:
                pass
    return {"bytes": received}


def ping(address, connections, seconds):
    """CONNECTIONS that ping."""
    calls = [message(PEER, "Ping", 2 + n) for n in range(400)]
    return crowd(address, calls, connections, seconds)


def rush(address, connections, seconds, uuid):
    """CONNECTIONS that want to save a disk."""
    body = save_body(uuid)
    calls = [message(BACK, "SaveDisk", 2 + n, "ss", body) for n in range(32)]
    return crowd(address, calls, connections, seconds)


def mute(address, count):
    """COUNT calls with large answers, of which none is ever read."""
    sock = connect(address)
    sock.settimeout(5)
    call = message(PROPERTIES, "GetAll", 2, "s", string(""))
    sent = 0
    try:
        for _ in range(count):
            sock.sendall(call)
            sent += 1
    except TimeoutError:
        pass  # the bus takes no more of us: as good
    print("ready", sent, flush=True)
    sys.stdin.read()
    return {"sent": sent}


def listen(address, connections):
    """CONNECTIONS that subscribe; ends when each has been told SafeToUnplug."""
    rule = string("type='signal',member='SafeToUnplug'")
    socks = [connect(address) for _ in range(connections)]
    for sock in socks:
        sock.sendall(message(BUS, "AddMatch", 2, "s", rule))
        answers = Answers()
        while answers.total < 2:
            answers.feed(sock.recv(1 << 16))
    print("ready", flush=True)
    told = 0
    for sock in socks:
        sock.settimeout(10)
        told += b"SafeToUnplug" in sock.recv(1 << 16)
    return {"told": told}


def large(address):
    """Arrays of 31 MB in a call that takes none, and a string of 31 MB in one that takes one."""
    size = 31 << 20  # the bus itself carries no more than 32
    ones = struct.pack("<I", size) + bytes(size)
    text = struct.pack("<I", size) + b"x" * size + b"\0"
    found = exchange(connect(address), message(BACK, "SaveDisk", 2, "ab", ones), 2)
    return found + exchange(connect(address), message(BACK, "ImportConfiguration", 2, "s", text), 2)


def signatures(address, count):
    """Calls of COUNT different signatures."""
    calls = []
    for number in range(count):
        types = "".join("ybnqiuxt"[number >> 3 * place & 7] for place in range(5))
        calls.append(message(BACK, "Reload", 2 + number, "a(" + types + ")", bytes(8)))
    return exchange(connect(address), b"".join(calls), count + 1)


def forge(address, victim):
    """News that only the bus or polkit may tell, sent to the daemon by us."""
    calls = []
    lost = string(victim)
    lost += bytes(-len(lost) % 4) + string(victim)
    lost += bytes(-len(lost) % 4) + string("")
    for destination in (BACK[0],):
        for name, member in ((BUS, "NameOwnerChanged"), (BACK, "BackupFinished")):
            where = (destination, *name[1:])
            calls.append(message(where, member, 2, "sss", lost, kind=4))
    return exchange(connect(address), b"".join([*calls, message(PEER, "Ping", 3)]), 2)


def forge_large(address, destination):
    """Signals of many MB that look like the daemon's, sent to DESTINATION without end."""
    entry = string("") + b"\1y\0" + bytes(8)  # a name and a byte, padded
    entries = (entry * ((7 << 20) // len(entry)))[:-7]  # the last one needs no padding
    body = string(BACK[2])
    body += bytes(-len(body) % 4) + struct.pack("<I", len(entries))
    body += bytes(-len(body) % 8) + entries
    body += bytes(-len(body) % 4) + struct.pack("<I", 0)
    where = (destination, BACK[1], PROPERTIES[2])
    signal = message(where, "PropertiesChanged", 2, "sa{sv}as", body, kind=4)
    sock = connect(address)
    print("ready", flush=True)
    while True:
        sock.sendall(signal)


def ping_at(address, destination, connections):
    """CONNECTIONS that ping DESTINATION without end."""
    where = (destination, "/", PEER[2])
    return crowd(address, [message(where, "Ping", 2 + n) for n in range(400)], connections, 600)


def save_body(uuid):
    first = string(uuid)
    return first + bytes(-len(first) % 4) + string("name")


def main(address, mode, *args):
    uuid = "0b5a9f3e-77aa-4c1d-9e2f-0123456789ab"
    result = {
        "save": lambda: flood(address, BACK, "SaveDisk", int(args[0]), "ss", save_body(uuid)),
        "history": lambda: flood(
            address,
            BACK,
            "GetHistory",
            int(args[0]),
            "stu",
            string("") + bytes(3) + struct.pack("<QI", 0, 1000),
        ),
        "objects": lambda: flood(
            address,
            (*BACK[:2], "org.freedesktop.DBus.ObjectManager"),
            "GetManagedObjects",
            int(args[0]),
        ),
        "ping": lambda: ping(address, int(args[0]), float(args[1])),
        "rush": lambda: rush(address, int(args[0]), float(args[1]), uuid),
        "mute": lambda: mute(address, int(args[0])),
        "listen": lambda: listen(address, int(args[0])),
        "large": lambda: large(address),
        "signatures": lambda: signatures(address, int(args[0])),
        "forge": lambda: forge(address, args[0]),
        "forge_large": lambda: forge_large(address, args[0]),
        "ping_at": lambda: ping_at(address, args[0], int(args[1])),
    }[mode]()
    print(json.dumps(result), flush=True)


if __name__ == "__main__":
    main(*sys.argv[1:])
