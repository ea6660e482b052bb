#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""reader.py PROFILE - prints the text of a profile, read as FORMAT.md says.

Written from the specification alone and sharing no code with the library: where the two disagree, one of
them or the specification is wrong. Reads what is well-formed; refusing the rest is the library's work.
"""
import ctypes
import ctypes.util
import struct
import sys
import zlib

SOURCES = ["audit", "fanotify", "fanotify-gap", "replayed"]
FLAGS = ["open", "exec", "write", "create"]
DEVICES = ["unknown", "rotational", "solid", "mmc", "loop"]
LOSSES = ["socket", "kernel", "incomplete", "fanotify", "unresolved", "files", "accesses", "processes",
          "ranges", "pages"]
LOSSES_2 = ["trace", "lives", "touched"]
CONTENTS = ["resident-pages", "touched-pages", "resident-metadata", "requested-metadata", "walks", "lives"]
WALKS = ["listed", "looked-up", "absent"]
PROCESS_FLAGS = ["ticks-computed", "exited", "arguments-cut"]
INTERVALS = ["shed", "blind"]
NONE = 2 ** 32 - 1
NO_ROWS = bytes(8)


def unpack(frame, size):
    zstd = ctypes.CDLL(ctypes.util.find_library("zstd") or "libzstd.so.1")
    zstd.ZSTD_decompress.restype = ctypes.c_size_t
    zstd.ZSTD_decompress.argtypes = [ctypes.c_char_p, ctypes.c_size_t, ctypes.c_char_p, ctypes.c_size_t]
    body = ctypes.create_string_buffer(size + 1)
    if zstd.ZSTD_decompress(body, size, frame, len(frame)) != size:
        sys.exit("a section does not unpack to its size")
    return body.raw[:size]


def sections(data):
    """{type: body}; the header is checked as 1.1 and 1.2 say"""
    magic, size, checksum, _, needs, _, incompatible, number, entry_size = struct.unpack_from("<8sIIHHIIHH", data)
    if magic != bytes.fromhex("89626f6f7461680a"):
        sys.exit("no profile")
    if zlib.crc32(data[:12] + bytes(4) + data[16:size]) != checksum:
        sys.exit("wrong checksum")
    if needs > 2 or incompatible:
        sys.exit("a newer format")
    found, end = {}, size
    for i in range(number):
        entry = size - number * entry_size + i * entry_size
        kind, _, offset, packed, unpacked = struct.unpack_from("<IIQQQ", data, entry)
        if offset != end:
            sys.exit("a gap between sections")
        end += packed
        found[kind] = unpack(data[offset:end], unpacked)
    if end != len(data):
        sys.exit("bytes behind the last section")
    return found


class Body:
    """A section's body: first its strings, then column after column"""

    def __init__(self, body):
        self.body = body
        self.rows, strings = struct.unpack_from("<II", body)
        self.at = 8
        shared, rest = self.planes(2, strings), self.planes(2, strings)
        self.strings, before = [], b""
        for start, length in zip(shared, rest):
            before = before[:start] + self.take(length)
            self.strings.append(before)

    def take(self, n):
        self.at += n
        return self.body[self.at - n:self.at]

    def planes(self, width, n=None):
        n = self.rows if n is None else n
        columns = [self.take(n) for _ in range(width)]
        return [int.from_bytes(bytes(value), "little") for value in zip(*columns)]

    def plain(self, width):
        return self.planes(width)

    def raw(self, width):
        return [bytes(value) for value in zip(*[self.take(self.rows) for _ in range(width)])]

    def string(self):
        return [self.strings[i] for i in self.planes(4)]

    def step(self, width):
        values, before = [], 0
        for difference in self.planes(width):
            before = (before + difference) % 2 ** (8 * width)
            values.append(before)
        return values

    def zigzag(self, width):
        values, before = [], 0
        for code in self.planes(width):
            difference = -(code + 1) // 2 if code % 2 else code // 2
            before = (before + difference) % 2 ** (8 * width)
            values.append(before)
        return values

    def time(self):
        seconds = [s - 2 ** 64 if s >= 2 ** 63 else s for s in self.zigzag(8)]
        return [s * 10 ** 9 + ns for s, ns in zip(seconds, self.plain(4))]


def quote(string):
    return '"%s"' % "".join("\\" + chr(b) if b in b'"\\' else chr(b) if 0x20 <= b <= 0x7E else "\\x%02x" % b
                            for b in string)


def uuid(value):
    return "-".join(value[a:b].hex() for a, b in ((0, 4), (4, 6), (6, 8), (8, 10), (10, 16)))


def names(value, of):
    return "+".join(name for bit, name in enumerate(of) if value >> bit & 1) or "none"


def life(fork, execution, end, status, flags, arguments):
    """What is known of a process's life"""
    numbers = zip(("fork", "exec", "exit", "status"), (fork, execution, end, status))
    text = "".join(f" {name}={value}" for name, value in numbers if value)
    text += f" flags={names(flags, PROCESS_FLAGS)}" if flags else ""
    return text + (f" arguments={quote(arguments)}" if arguments else "")


def lines(data):
    found = sections(data)
    yield "bootahead-profile 2"
    body = Body(found[1])
    columns = [body.raw(16)] + [body.string() for _ in range(4)] + [body.plain(4)]
    columns += [body.plain(8) for _ in range(3 + len(LOSSES))]
    old = body.at == len(body.body)
    columns += [[0] * body.rows if old else body.plain(4)]
    columns += [[0] * body.rows if old else body.plain(8) for _ in LOSSES_2]
    for i, (boot, kernel, os, machine, choice, sources, wall, start, end, *more) in enumerate(zip(*columns)):
        losses, contents, more = more[:len(LOSSES)], more[len(LOSSES)], more[len(LOSSES) + 1:]
        holds = f" contents={names(contents, CONTENTS)}" if contents else ""
        yield (f"boot {i} id={uuid(boot)} sources={names(sources, SOURCES)} wall={wall} start={start} end={end} "
               f"kernel={quote(kernel)} os={quote(os)} machine={quote(machine)} choice={quote(choice)}{holds}")
        yield from (f"loss {name}={loss}" for name, loss in zip(LOSSES + LOSSES_2, losses + more) if loss)
    body = Body(found[2])
    columns = [body.raw(16), body.string(), body.string(), body.plain(4)]
    for i, (identity, kind, mount, device) in enumerate(zip(*columns)):
        yield f"filesystem {i} uuid={uuid(identity)} device={DEVICES[device]} type={quote(kind)} mount={quote(mount)}"
    body, details = Body(found[3]), Body(found[16])
    paths = body.strings
    columns = [paths, body.plain(4), body.plain(8), details.time(), details.zigzag(8)]
    for path, filesystem, size, mtime, inode in zip(*columns):
        yield f"file {quote(path)} filesystem={filesystem} size={size} mtime={mtime} inode={inode}"
    body = Body(found[4])
    for file, page, count, use in zip(body.zigzag(4), body.plain(4), body.plain(4), body.step(4)):
        yield f"range {quote(paths[file])} page={page} count={count} use={use}"
    body = Body(found[5])
    for filesystem, page, count in zip(body.step(4), body.zigzag(8), body.plain(4)):
        yield f"metadata filesystem={filesystem} page={page} count={count}"
    body = Body(found.get(6, NO_ROWS))
    for path, filesystem, use, kind in zip(body.string(), body.plain(4), body.step(4), body.plain(4)):
        yield f"walk {quote(path)} filesystem={filesystem} use={use} kind={WALKS[kind]}"
    body = Body(found[17])
    columns = [body.step(4), body.zigzag(4), body.zigzag(8), body.plain(4), body.string(), body.string()]
    lives = [""] * body.rows
    if 20 in found:
        more = Body(found[20])
        lives = [life(*fields) for fields in zip(more.zigzag(8), more.zigzag(8), more.zigzag(8), more.plain(4),
                                                 more.plain(4), more.string())]
    for i, (boot, pid, start, parent, executable, unit, rest) in enumerate(zip(*columns, lives)):
        yield (f"process {i} boot={boot} pid={pid} start={start} parent={'none' if parent == NONE else parent} "
               f"executable={quote(executable)} unit={quote(unit)}{rest}")
    body = Body(found[18])
    for file, process, time, flags in zip(body.zigzag(4), body.zigzag(4), body.step(8), body.plain(4)):
        yield f"access {quote(paths[file])} process={process} time={time} flags={names(flags, FLAGS)}"
    body = Body(found.get(19, NO_ROWS))
    for boot, kind, start, end in zip(body.step(4), body.plain(4), body.zigzag(8), body.zigzag(8)):
        yield f"interval boot={boot} kind={INTERVALS[kind]} start={start} end={end}"
    yield "end"


def main():
    if len(sys.argv) != 2:
        sys.exit("usage: reader.py PROFILE")
    with open(sys.argv[1], "rb") as file:
        for line in lines(file.read()):
            print(line)


main()
