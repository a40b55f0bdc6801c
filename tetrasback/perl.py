"""Read the original's configuration: the little of Perl that it is written in, never executed.

Two shapes are met: written by hand, ``%CFG = ( … );``, and as the original's daemon wrote it with
Data::Dumper, ``use strict; use warnings; our (%CFG); %CFG = ( … ); 1;`` (or ``$VAR1 = { … };``). Of
Perl's syntax that is: hashes and lists, strings in single and double quotes, numbers, undef,
comments, declarations, a final ``1;``. What would have to be computed (variables in a string,
calls, references to other parts) is refused.

The daemon reads it to import it, the command line for the FIFOs that it then registers.
"""

import re
import shlex
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from tetrasback.errors import InvalidArgs

MAX_BYTES: Final = 256 * 1024
DEPTH_MAX: Final = 16
CLIENTS_MAX: Final = 256

_TOKEN: Final = re.compile(
    r"(?P<space>[ \t\r\n\f]+|\#[^\n]*)"
    r"|(?P<single>'(?:\\[\s\S]|[^'\\])*')"
    r'|(?P<double>"(?:\\[\s\S]|[^"\\])*")'
    r"|(?P<number>-?(?:0(?![0-9_xXbB])|[1-9][0-9_]*)(?:\.[0-9]+)?(?:[eE][+-]?[0-9]+)?(?![A-Za-z_]))"
    r"|(?P<variable>[%$][A-Za-z_][A-Za-z0-9_]*)"
    r"|(?P<word>[A-Za-z_][A-Za-z0-9_]*)"
    r"|(?P<end>\Z)"
    r"|(?P<mark>=>|[={}()\[\],;])"
)
_ESCAPE: Final = re.compile(r"\\(x\{([0-9A-Fa-f]{1,6})\}|x([0-9A-Fa-f]{1,2})|[\s\S])|[$@]")
_PLAIN_ESCAPES: Final = {"n": "\n", "t": "\t", "r": "\r", "f": "\f", "a": "\a", "e": "\x1b"}
_HARMLESS_PRAGMAS: Final = frozenset(("strict", "warnings", "utf8"))
_CLOSING: Final = {"{": "}", "(": ")", "[": "]"}


@dataclass(frozen=True, slots=True)
class _Token:
    kind: str
    text: str
    line: int


NOTHING_NEW: Final = "nothing was changed: all that can be taken over is here already"
"""The daemon's last remark on such an import."""


def client_remark(path: str) -> str:
    """The daemon's remark on a FIFO that is registered in the original's configuration."""
    quoted = "".join(char if char.isprintable() else "?" for char in shlex.quote(path))
    return f"FIFO clients are not the daemon's: register this one: tetras-back --register {quoted}"


def fifo_clients(data: Mapping[str, Any]) -> tuple[str, ...]:
    """Paths of the FIFOs registered in DATA, from `read_perl`. Raises InvalidArgs."""
    clients = data.get("CLIENTS")
    if clients is None:
        return ()
    if not isinstance(clients, Mapping):
        raise InvalidArgs("CLIENTS of the Perl configuration must be a hash")
    if len(clients) > CLIENTS_MAX:
        raise InvalidArgs(
            f"the Perl configuration has {len(clients)} FIFO clients;"
            f" at most {CLIENTS_MAX} are taken over"
        )
    return tuple(sorted(clients))


def read_perl(text: str) -> dict[str, Any]:
    """The hash that TEXT assigns: strings, ints, floats, None, and dicts and lists of them.

    Raises InvalidArgs, in one line with the number of the line in TEXT, for anything else.
    """
    if len(text) > MAX_BYTES or len(text.encode("utf-8", "surrogatepass")) > MAX_BYTES:
        raise InvalidArgs("the Perl configuration is larger than 256 KiB; give the right file")
    return _Reader(_tokens(text)).document()


def _refuse(line: int, why: str) -> InvalidArgs:
    return InvalidArgs(f"line {line} of the Perl configuration: {why}")


def _tokens(text: str) -> list[_Token]:
    found: list[_Token] = []
    position, line = 0, 1
    text = text.removeprefix("\ufeff")
    while True:
        match = _TOKEN.match(text, position)
        if match is None:
            what = "a string does not end" if text[position] in "'\"" else "this cannot be read"
            raise _refuse(line, f"{what}; nothing but hashes, strings and numbers is understood")
        kind = match.lastgroup or ""
        if kind == "word" and match[0] in ("__END__", "__DATA__"):
            kind = "end"
        if kind != "space":
            found.append(_Token(kind, match[0], line))
        if kind == "end":
            return found
        line += match[0].count("\n")
        position = match.end()


class _Reader:
    """Recursive descent, one method a form."""

    def __init__(self, tokens: list[_Token]) -> None:
        self._tokens = tokens
        self._next = 0

    def document(self) -> dict[str, Any]:
        """Statements, of which exactly one assigns a hash."""
        found: dict[str, Any] | None = None
        while (token := self._take()).kind != "end":
            if token.text == ";":
                continue
            if token.kind == "word" and token.text in ("use", "no"):
                self._pragma()
            elif token.text == "1":
                self._expect(";", optional_at_end=True)
            else:
                if token.text in ("our", "my"):
                    token = self._take()
                    if self._declared(token):
                        continue
                value = self._assignment(token)
                if found is not None:
                    raise _refuse(token.line, "a second assignment; only one hash is understood")
                found = value
        if found is None:
            raise _refuse(token.line, 'the hash "%CFG = ( … );" is missing')
        return found

    def _pragma(self) -> None:
        name = self._take()
        if name.text not in _HARMLESS_PRAGMAS:
            raise _refuse(name.line, "modules are not loaded")
        self._expect(";")

    def _declared(self, token: _Token) -> bool:
        """Whether TOKEN, after "our" or "my", began a declaration without a value; it is passed."""
        if token.text == "(":
            name = self._take()
            if name.kind != "variable":
                raise _refuse(name.line, "the name of a variable is expected")
            self._expect(")")
            self._expect(";")
            return True
        if token.kind == "variable" and self._tokens[self._next].text == ";":
            self._expect(";")
            return True
        return False

    def _assignment(self, variable: _Token) -> dict[str, Any]:
        if variable.kind != "variable":
            raise _refuse(variable.line, 'an assignment such as "%CFG = ( … );" is expected')
        self._expect("=")
        opening = self._take()
        if opening.text != ("(" if variable.text[0] == "%" else "{"):
            raise _refuse(opening.line, "a hash is expected")
        value = self._hash(opening, 1)
        self._expect(";", optional_at_end=True)
        return value

    def _hash(self, opening: _Token, depth: int) -> dict[str, Any]:
        items = self._items(opening, depth)
        if len(items) % 2:
            raise _refuse(opening.line, "a hash that begins here has a key without a value")
        found: dict[str, Any] = {}
        for (key, line), (value, _) in zip(items[::2], items[1::2], strict=True):
            if not isinstance(key, str | int | float):
                raise _refuse(line, "the key of a hash must be a string")
            found[str(key)] = value
        return found

    def _items(self, opening: _Token, depth: int) -> list[tuple[Any, int]]:
        """What stands between OPENING and its partner, with lines."""
        if depth > DEPTH_MAX:
            raise _refuse(opening.line, f"nested more than {DEPTH_MAX} deep")
        closing = _CLOSING[opening.text]
        found: list[tuple[Any, int]] = []
        while (token := self._take()).text != closing or token.kind != "mark":
            found.append((self._value(token, depth), token.line))
            after = self._take()
            if after.kind == "mark" and after.text == closing:
                break
            if after.text not in (",", "=>") or after.kind != "mark":
                raise _refuse(after.line, f'a comma or "{closing}" is missing')
        return found

    def _value(self, token: _Token, depth: int) -> Any:
        match token.kind, token.text:
            case "single", text:
                return re.sub(r"\\([\\'])", r"\1", text[1:-1])
            case "double", text:
                return _unescaped(text[1:-1], token.line)
            case "number", text:
                return _number(text, token.line)
            case "mark", "{":
                return self._hash(token, depth + 1)
            case "mark", "[":
                return [value for value, _ in self._items(token, depth + 1)]
            case "word", word:
                if self._tokens[self._next].text == "=>":
                    return word
                if word == "undef":
                    return None
        raise _refuse(token.line, "a string, a number or a hash is expected")

    def _take(self) -> _Token:
        token = self._tokens[self._next]
        if token.kind != "end":
            self._next += 1
        return token

    def _expect(self, text: str, optional_at_end: bool = False) -> None:
        token = self._take()
        if token.text != text and not (optional_at_end and token.kind == "end"):
            raise _refuse(token.line, f'"{text}" is missing')


def _number(text: str, line: int) -> int | float:
    digits = text.replace("_", "")
    if len(digits) > 30:
        raise _refuse(line, "a number is too long")
    return int(digits) if re.fullmatch(r"-?[0-9]+", digits) else float(digits)


def _unescaped(text: str, line: int) -> str:
    """The string that TEXT, from between double quotes, stands for."""

    def one(match: re.Match[str]) -> str:
        if match[0] in "$@":
            raise _refuse(
                line, f'"{match[0]}" in double quotes stands for a variable; write \\{match[0]}'
            )
        code = match[2] or match[3]
        if code:
            number = int(code, 16)
            if number > 0x10FFFF or 0xD800 <= number <= 0xDFFF:
                raise _refuse(line, f"there is no character {match[0]}")
            return chr(number)
        char = match[1]
        if char in _PLAIN_ESCAPES:
            return _PLAIN_ESCAPES[char]
        if char.isascii() and char.isalnum():
            raise _refuse(line, f"the escape {match[0]} is not understood")
        return char

    found = _ESCAPE.sub(one, text)
    # Bytes that Perl took for characters: "\x{c3}\x{a9}" was an é.
    try:
        return found.encode("latin-1").decode("utf-8")
    except UnicodeError:
        return found
