"""Manifests as earlier versions wrote them, which did not cover attributes."""

import hashlib
import hmac
import re
from pathlib import Path


def make_older(manifest: Path, key: Path) -> None:
    """Rewrite MANIFEST, sealed with KEY, as one would have that knew nothing of attributes."""
    text = manifest.read_bytes().replace(b"#covers attributes\n", b"")
    text = re.sub(rb" tags=xattr:[0-9a-f]{64}", b"", text)
    lines, _, rest = text.partition(b"\n#directory ")
    lines += b"\n"
    table = []
    offset = len(b"#mtree v2.0\n")
    for line in (b"#directory " + rest).splitlines():
        if not line.startswith(b"#directory "):
            continue
        _, _, _, files, size, path = line.split(b" ")
        end = offset
        while end < len(lines) and (end == offset or not _begins(lines[end:])):
            end = lines.index(b"\n", end) + 1
        table.append(b"#directory %d %d %b %b %b\n" % (offset, end - offset, files, size, path))
        offset = end
    sealed = lines + b"".join(table) + b"#directories %d\n" % len(lines)
    digest = hmac.new(bytes.fromhex(key.read_text()), sealed, hashlib.sha256).hexdigest()
    manifest.write_bytes(sealed + f"#hmac-sha256 {digest}\n".encode())


def _begins(rest: bytes) -> bool:
    """Whether REST of a manifest begins with a directory."""
    return b" type=dir " in rest.partition(b"\n")[0]
