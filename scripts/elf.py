"""Reads what an ELF file asks of the machine it is loaded on: libraries and versioned symbols."""

from __future__ import annotations

import struct
from typing import NamedTuple

_DYNAMIC, _DYNSYM, _VERSYM, _VERNEED = 6, 11, 0x6FFFFFFF, 0x6FFFFFFE
_PT_INTERP = 3
_DT_NEEDED = 1


class Symbol(NamedTuple):
    """An undefined symbol; library and version are empty if it is bound to none."""

    name: str
    library: str
    version: str


class Elf(NamedTuple):
    """What a loader has to find before the file can run."""

    interpreter: bool
    needed: tuple[str, ...]
    undefined: tuple[Symbol, ...]


class _Section(NamedTuple):
    kind: int
    offset: int
    size: int
    link: int


def read(data: bytes) -> Elf:
    """Read a 64-bit little-endian ELF file (x86-64, aarch64)."""
    if data[:6] != b"\x7fELF\x02\x01":
        message = "not a 64-bit little-endian ELF file"
        raise ValueError(message)
    sections = _sections(data)
    return Elf(
        interpreter=_PT_INTERP in _segment_kinds(data),
        needed=tuple(_needed(data, sections)),
        undefined=tuple(_undefined(data, sections)),
    )


def _segment_kinds(data: bytes) -> list[int]:
    (start,) = struct.unpack_from("<Q", data, 32)
    size, count = struct.unpack_from("<HH", data, 54)
    return [struct.unpack_from("<I", data, start + i * size)[0] for i in range(count)]


def _sections(data: bytes) -> list[_Section]:
    (start,) = struct.unpack_from("<Q", data, 40)
    size, count = struct.unpack_from("<HH", data, 58)
    return [_section(data, start + i * size) for i in range(count)]


def _section(data: bytes, at: int) -> _Section:
    _name, kind, _flags, _addr, offset, size, link = struct.unpack_from("<IIQQQQI", data, at)
    return _Section(kind, offset, size, link)


def _text(data: bytes, table: _Section, offset: int) -> str:
    start = table.offset + offset
    return data[start : data.index(b"\0", start)].decode()


def _needed(data: bytes, sections: list[_Section]) -> list[str]:
    return [
        _text(data, sections[section.link], value)
        for section in sections
        if section.kind == _DYNAMIC
        for at in range(section.offset, section.offset + section.size, 16)
        for tag, value in [struct.unpack_from("<QQ", data, at)]
        if tag == _DT_NEEDED
    ]


def _versions(data: bytes, sections: list[_Section]) -> dict[int, tuple[str, str]]:
    """What each version index means: library and version."""
    found: dict[int, tuple[str, str]] = {}
    for section in (section for section in sections if section.kind == _VERNEED):
        names, at, more = sections[section.link], section.offset, True
        while more:
            _version, count, library, first, following = struct.unpack_from("<HHIII", data, at)
            entry = at + first
            for _ in range(count):
                _hash, _flags, index, name, step = struct.unpack_from("<IHHII", data, entry)
                found[index] = (_text(data, names, library), _text(data, names, name))
                entry += step
            at, more = at + following, following != 0
    return found


def _undefined(data: bytes, sections: list[_Section]) -> list[Symbol]:
    versions = _versions(data, sections)
    versym = next((section for section in sections if section.kind == _VERSYM), None)
    found = []
    for section in (section for section in sections if section.kind == _DYNSYM):
        for number in range(1, section.size // 24):  # number 0 is the empty symbol
            name, _info, _other, home = struct.unpack_from(
                "<IBBH", data, section.offset + number * 24
            )
            if home == 0:
                index = _version_index(data, versym, number)
                text = _text(data, sections[section.link], name)
                found.append(Symbol(text, *versions.get(index, ("", ""))))
    return found


def _version_index(data: bytes, versym: _Section | None, number: int) -> int:
    if versym is None:
        return 0
    index: int = struct.unpack_from("<H", data, versym.offset + number * 2)[0]
    return index & 0x7FFF  # the top bit only hides the symbol
