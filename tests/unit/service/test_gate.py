"""Messages judged by their headers: what the library writes is the measure."""

import asyncio
import socket
import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tetrasback.service import gate
from tetrasback.service.gate import Head, Malformed, Splitter, read_head
from tetrasback.service.library import local_bus


def make_call(body: bytes = b"", path: str = "/some", order: str = "<") -> bytes:
    """A call as another implementation would write it."""

    def field(code: int, kind: bytes, value: str) -> bytes:
        data = value.encode()
        length = struct.pack(order + "I" if kind == b"s" or kind == b"o" else "B", len(data))
        text = bytes((code, 1)) + kind + b"\0" + length + data + b"\0"
        return text + bytes(-len(text) % 8)

    fields = (
        field(1, b"o", path)
        + field(2, b"s", "a.b.c")
        + field(3, b"s", "Member")
        + field(7, b"s", ":1.5")
        + field(8, b"g", "s")
    )
    fields += struct.pack(order + "B3sI", 9, b"\1u\0", 0)
    first = b"l" if order == "<" else b"B"
    numbers = struct.pack(order + "III", len(body), 7, len(fields))
    return first + b"\1\4\1" + numbers + fields + body


@pytest.mark.parametrize("order", ["<", ">"])
def test_read_head_reads_both_byte_orders(order: str) -> None:
    assert read_head(make_call(b"12345", order=order)) == Head(
        gate.CALL, 4, 7, 0, "/some", "a.b.c", "Member", ":1.5", "s", 5
    )


@given(st.binary(max_size=200))
def test_read_head_refuses_noise(noise: bytes) -> None:
    try:
        read_head(b"l\1\0\1" + noise)
    except Malformed:
        return


@given(st.integers(0, 115), st.binary(min_size=1, max_size=4))
def test_read_head_never_fails_otherwise(at: int, noise: bytes) -> None:
    frame = make_call(b"12345")
    changed = frame[:at] + noise + frame[at + len(noise) :]
    try:
        read_head(changed)
    except Malformed:
        return


def test_read_head_refuses_fields_that_could_hold_anything() -> None:
    odd = b"\x0a\1v\0" + b"\3yyy\0" + bytes(8)
    with pytest.raises(Malformed):
        read_head(b"l\1\0\1" + struct.pack("<III", 0, 1, len(odd)) + odd)


@given(st.lists(st.integers(1, 60), min_size=1, max_size=6))
def test_splitter_gives_whole_messages_however_they_arrive(pieces: list[int]) -> None:
    messages = [make_call(b"x" * size) for size in (0, 1, 7, 300)]
    stream, splitter, found = b"".join(messages), Splitter(), []
    while stream:
        for piece in pieces:
            found += list(splitter.feed(stream[:piece]))
            stream = stream[piece:]
    assert found == [(message, True) for message in messages]


def test_splitter_gives_only_the_header_of_a_large_message() -> None:
    large = make_call(bytes(gate.FRAME_LIMIT))
    after = make_call(b"after")
    stream, splitter, found = large + after, Splitter(), []
    for at in range(0, len(stream), 5000):
        found += list(splitter.feed(stream[at : at + 5000]))
        assert len(splitter._buffer) < gate.FRAME_LIMIT
    assert [whole for _, whole in found] == [False, True]
    assert read_head(found[0][0]).sender == ":1.5"
    assert found[1][0] == after


def test_splitter_drops_a_large_header() -> None:
    stream = make_call(path="/" + "a" * gate.FRAME_LIMIT) + make_call()
    assert list(Splitter().feed(stream)) == [(make_call(), True)]


def test_splitter_gives_up_on_noise() -> None:
    with pytest.raises(Malformed):
        list(Splitter().feed(b"HTTP/1.1 200 OK\r\n\r\n"))


async def test_frames_are_what_the_library_reads() -> None:
    """The refusals written here, read by the D-Bus library itself over a socket."""
    near, library = local_bus(lambda message: None)
    seen = []
    try:
        connecting = asyncio.create_task(library.connect())
        loop = asyncio.get_running_loop()
        await loop.sock_sendall(near, b"OK 0\r\n")
        while b"Hello" not in await loop.sock_recv(near, 4096):
            pass
        hello = gate.return_frame(":1.9", 1, 5, "s", struct.pack("<I", 4) + b":1.9\0")
        await loop.sock_sendall(near, hello)
        await connecting
        got = asyncio.Event()
        library.add_message_handler(lambda message: (seen.append(message), got.set()) and True)
        await loop.sock_sendall(near, gate.error_frame(":1.9", 3, 6, "a.b.Error", "no, grüß\n"))
        async with asyncio.timeout(5):
            await got.wait()
    finally:
        near.shutdown(socket.SHUT_RDWR)
        near.close()
        await library.close()
    assert library.unique_name == ":1.9"
    [message] = seen
    assert (message.error_name, message.reply_serial, message.serial) == ("a.b.Error", 3, 6)
    assert message.body == ["no, grüß\n"]
