"""What the tests in Python share: TAP lines, temporary files, stand-in injectors, and a client at
the other end of one session of the program."""

import base64
import contextlib
import ctypes
import fcntl
import os
import re
import select
import shutil
import socket
import stat
import struct
import subprocess
import sys
import tempfile
import threading
import time

TOP = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))


def _program(variable, default):
    return os.path.join(TOP, os.environ.get(variable) or default)


PROGRAM = _program("OFMIPD_SESSION", "ofmipd-session")
SANITIZED = _program("OFMIPD_SESSION_SAN", "build/san/ofmipd-session")
ROOT = os.geteuid() == 0
SERVICE = "nobody"          # the service account of a session that root starts
PATIENCE = 30.0             # seconds for anything that should come at once


# The longest times that no option moves, for who must wait for their end; and what they add up to.
SHORT = {"SESSION_SECONDS": 4, "CHECKER_SECONDS": 1, "POLICY_SECONDS": 1}
SHORT_OPTIONS = ["--timeout", "3", "--login-timeout", "3", "--inject-timeout", "1"]
SHORT_LIFE = 4 + 8 * 1 + 2 * 1 + 1


def short_lived():
    """The release build with these times instead; only the files that know them are built anew. Its path; or None."""
    where = os.path.join(TOP, "build", "short")
    os.makedirs(where, exist_ok=True)
    with open(os.path.join(where, "lock"), "w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)    # two tests want it
        built = subprocess.run(["sh", "-ec", """
            cp -pR build/release/. build/short
            grep -lE '%s' *.c auth/*.c inject/*.c session/*.c | sed 's/c$/o/' | (cd build/short && xargs rm -f)
            make -s BUILD=build/short 'CFLAGS=%s' build/short/ofmipd-session""" % (
                "|".join(SHORT), " ".join("-D%s=%d" % pair for pair in SHORT.items()))], cwd=TOP)
    return os.path.join(where, "ofmipd-session") if built.returncode == 0 else None


def cage():
    """tests/cage.c, built. Its path; or None."""
    source, path = os.path.join(TOP, "tests", "cage.c"), os.path.join(TOP, "build", "cage")
    os.makedirs(os.path.dirname(path), exist_ok=True)
    with open(path + ".lock", "w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)    # several tests want it
        if os.path.exists(path) and os.stat(path).st_mtime > os.stat(source).st_mtime:
            return path
        built = subprocess.run(["cc", "-std=c11", "-D_GNU_SOURCE", "-O1", "-Wall", "-Wextra", "-Werror", "-o", path, source])
    return path if built.returncode == 0 else None


# TAP ---------------------------------------------------------------------------------------------

_counts = {True: 0, False: 0}


def ok(condition, text, *details):
    """One TAP line; the details are printed as comments when the condition does not hold."""
    condition = bool(condition)
    _counts[condition] += 1
    print("%s %d - %s" % ("ok" if condition else "not ok", sum(_counts.values()), printable(text)))
    if not condition:
        for detail in details:
            for line in str(detail).splitlines():
                comment(line)
    sys.stdout.flush()
    return condition


def same(seen, expected, text, *details):
    return ok(seen == expected, text, "expected %r" % (expected,), "seen     %r" % (seen,), *details)


def comment(text):
    print("# " + printable(text), flush=True)


def done():
    """The plan, and the exit status that goes with what was printed."""
    print("1..%d" % sum(_counts.values()), flush=True)
    sys.exit(1 if _counts[False] or not _counts[True] else 0)


def printable(text, limit=600):
    """Text fit for one line of TAP: '#' would begin a directive there."""
    text = "".join(c if c.isprintable() and c != "#" else "\\x%02x" % ord(c) for c in str(text))
    return text if len(text) <= limit else text[:limit] + "... (%d characters)" % len(text)


# Files -------------------------------------------------------------------------------------------

@contextlib.contextmanager
def directory():
    """A temporary directory that the service account can pass through, removed at the end."""
    path = tempfile.mkdtemp(prefix="ofmipd-session.")
    os.chmod(path, 0o755)
    try:
        yield path
    finally:
        shutil.rmtree(path, ignore_errors=True)


# A program that another thread starts has, for a moment, what this one writes: what is written could not be run then.
_writing = threading.Lock()


def write(path, content, mode=0o600):
    if isinstance(content, str):
        content = content.encode()
    with _writing, open(path, "wb") as file:
        file.write(content)
    os.chmod(path, mode)
    return path


def password_file(where, *lines):
    """A password file of mode 600; the lines are text or bytes."""
    lines = [line.encode() if isinstance(line, str) else line for line in lines]
    return write(os.path.join(where, "passwords"), b"".join(line + b"\n" for line in lines))


def own_log(where):
    """A syslog daemon's socket in the directory; and what runs a program, as root, where that is /dev/log, and beside it
    there is no more in /dev than the program needs."""
    listener = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
    listener.bind(os.path.join(where, "log"))
    os.chmod(os.path.join(where, "log"), 0o666)
    listener.settimeout(PATIENCE)
    os.mkdir(os.path.join(where, "dev"))
    return listener, ["unshare", "-m", "sh", "-ec", """
        cd "$0"
        mount -t tmpfs -o mode=755 tmpfs dev
        mkdir dev/shm
        for name in null log; do : >dev/$name; done
        mount --bind /dev/null dev/null
        mount --bind log dev/log
        mount --move dev /dev
        exec "$@\"""", where]


class Injector:
    """A stand-in for sendmail that keeps what it was given, each run in files of its number.

    Its n-th run ends with the n-th of the statuses (the last one again and again). With details it
    also keeps environment, descriptors, user and limits. `before` is shell text that runs first.
    """

    # Nothing but one cat is started: this runs thousands of times.
    SCRIPT = """#!/bin/sh
run=1
set -C
until true 2>/dev/null >%(record)s/$run.argv; do
    run=$((run + 1))
    [ $run -lt 5000 ] || exit 70
done
cd %(record)s || exit 70
printf '%%s\\0' "$0" "$@" >|$run.argv
%(before)s
%(details)s
cat >$run.stdin
set -- %(statuses)s
while [ $# -gt 1 ] && [ $run -gt 1 ]; do shift; run=$((run - 1)); done
exit $1
"""
    DETAILS = """cat /proc/$$/environ >$run.environment
ls /proc/self/fd >$run.descriptors
{ id -u; id -g; id -G; } >$run.identity
ulimit -a >$run.limits
# Not by another program: while the shell starts one, it blocks signals.
while read -r line; do
    case $line in Sig*|NoNewPrivs*|Seccomp:*|Umask*) echo "$line" ;; esac
done </proc/$$/status >$run.status"""

    def __init__(self, where, statuses=(0,), details=False, before=""):
        self.record = os.path.join(where, "injected")
        os.mkdir(self.record)
        os.chmod(self.record, 0o1777)
        self.path = write(os.path.join(where, "injector"), self.SCRIPT % {
            "record": self.record, "before": before,
            "details": self.DETAILS if details else "",
            "statuses": " ".join(str(status) for status in statuses)}, 0o755)

    def runs(self):
        """One dictionary a run, in order: argv (list, the first its path), stdin, and the details."""
        numbers = {int(name.split(".")[0]) for name in os.listdir(self.record)}
        return [self._run("%d." % number) for number in sorted(numbers)]

    def _run(self, start):
        run = {"stdin": b""}
        for name in os.listdir(self.record):
            if name.startswith(start):
                with open(os.path.join(self.record, name), "rb") as file:
                    run[name[len(start):]] = file.read()
        run["argv"] = run["argv"].split(b"\0")[:-1]
        if "environment" in run:
            run["environment"] = run["environment"].rstrip(b"\0").split(b"\0")
        if "descriptors" in run:    # the highest is the directory that ls itself reads
            run["descriptors"] = sorted(map(int, run["descriptors"].split()))[:-1]
        return run


def split_received(message):
    """The first header field, which must be Received with its continuation lines, and the rest."""
    match = re.match(rb"Received: [^\n]*\n(?:[ \t][^\n]*\n)*", message)
    if not match:
        return b"", message
    return match.group(0), message[match.end():]


# SASL --------------------------------------------------------------------------------------------

def base64_text(data):
    return base64.b64encode(data.encode() if isinstance(data, str) else data).decode()


def plain(user, password):
    """The response of the PLAIN mechanism (RFC 4616)."""
    return base64_text("\0%s\0%s" % (user, password))


# The session -------------------------------------------------------------------------------------

class Reply:
    """One reply of the server: its code, and the texts of its lines."""

    def __init__(self, code, lines):
        self.code, self.lines = code, lines

    def enhanced(self):
        """The enhanced status code (RFC 3463) of the first line, or ''."""
        match = re.match(r"[245]\.\d{1,3}\.\d{1,3}(?= |$)", self.lines[0])
        return match.group(0) if match else ""

    def __str__(self):
        last = len(self.lines) - 1
        return "\n".join("%s%s%s" % (self.code, " " if i == last else "-", line)
                         for i, line in enumerate(self.lines))


class Malformed(Exception):
    """The server sent something that is no reply."""


class Gone(Exception):
    """The server closed the connection where a reply was awaited."""


class Late(Exception):
    """Nothing came in time."""


class Session:
    """The program at work on one connection, and the client's end of it.

    The transport is "socket" (an unnamed pair), "pipes", or "tcp" (over 127.0.0.1). What the
    program writes on descriptor 2 goes to a file, or to the connection with log="connection", or to
    whatever the log is that is given.
    The environment is exactly the given one. The options get `-u nobody` when root starts it.
    """

    def __init__(self, options=(), environment=None, transport="socket", program=None,
                 wrapper=(), log="file", **popen):
        self.buffer = b""
        self.ended = False          # the server closed its end
        self.broken = False         # the server takes nothing more
        self.address = None
        self.transcript = []
        self._log = tempfile.TemporaryFile()
        theirs = self._connect(transport)
        command = list(wrapper) + [program or PROGRAM]
        if ROOT and "-u" not in options:
            command += ["-u", SERVICE]
        command += list(options)
        with _writing:
            self.process = subprocess.Popen(
                command, env=environment or {}, stdin=theirs[0], stdout=theirs[1],
                stderr=theirs[1] if log == "connection" else self._log if log == "file" else log, **popen)
        self.pid = self.process.pid
        for end in set(theirs):
            end.close()

    def _connect(self, transport):
        self.socket = None
        if transport == "pipes":
            there, self.input = os.pipe()
            self.output, here = os.pipe()
            theirs = os.fdopen(there, "rb", 0), os.fdopen(here, "wb", 0)
        else:
            if transport == "tcp":
                with socket.create_server(("127.0.0.1", 0)) as listener:
                    self.socket = socket.create_connection(listener.getsockname())
                    server = listener.accept()[0]
                self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                self.address = self.socket.getsockname()
            else:
                self.socket, server = socket.socketpair()
            theirs = server, server
            self.input = self.output = self.socket.fileno()
        os.set_blocking(self.input, False)
        os.set_blocking(self.output, False)
        return theirs

    def __enter__(self):
        return self

    def __exit__(self, *exception):
        self.disconnect()
        try:
            self.process.wait(10)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
        self._log.close()

    # Writing

    def send(self, data, each=None, reading=True):
        """Writes the bytes, all at once or `each` at a time, every piece awaited until the server
        has read it. Replies are taken in meanwhile, so that neither side can wait for the other."""
        if isinstance(data, str):
            data = data.encode()
        pieces = [data] if not each else [data[i:i + each] for i in range(0, len(data), each)]
        for number, piece in enumerate(pieces):
            self._write(piece, reading)
            if number + 1 < len(pieces):
                self.wait_until_read()

    def line(self, text):
        self.send((text if isinstance(text, bytes) else text.encode()) + b"\r\n")

    def _write(self, data, reading, patience=PATIENCE):
        deadline = time.monotonic() + patience
        view = memoryview(data)
        while len(view) and not self.broken:
            try:
                view = view[os.write(self.input, view):]
                deadline = time.monotonic() + patience
                continue
            except BlockingIOError:
                pass
            except (BrokenPipeError, ConnectionResetError):
                self.broken = True
                return
            poll = select.poll()
            poll.register(self.input, select.POLLOUT)
            if reading and not self.ended:
                poll.register(self.output, select.POLLIN |
                              (select.POLLOUT if self.input == self.output else 0))
            poll.poll(100)
            if reading:
                self._take()
            if time.monotonic() > deadline:
                raise Late("the server does not read")

    def wait_until_read(self, patience=PATIENCE):
        """Returns when the server has taken all that was written (Linux: SIOCOUTQ, FIONREAD)."""
        request = 0x5411 if self.socket else 0x541b
        deadline = time.monotonic() + patience
        spins = 0
        while not self.broken and time.monotonic() < deadline:
            try:
                left = struct.unpack("i", fcntl.ioctl(self.input, request, b"\0" * 4))[0]
            except OSError:
                return
            if left == 0:
                return
            self._take()
            if self.ended:
                return
            spins += 1
            if spins < 20:
                os.sched_yield()
            else:
                time.sleep(0.0002)

    def end_of_file(self):
        """Says that nothing more will be sent; replies can still be read."""
        if self.socket:
            with contextlib.suppress(OSError):
                self.socket.shutdown(socket.SHUT_WR)
        elif self.input >= 0:
            os.close(self.input)
            self.input = -1

    def reset(self):
        """Ends a TCP connection with RST instead of FIN."""
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.disconnect()

    def disconnect(self):
        if self.socket:
            self.socket.close()
        else:
            for descriptor in (self.input, self.output):
                if descriptor >= 0:
                    os.close(descriptor)
        self.input = self.output = -1
        self.ended = self.broken = True

    # Reading

    def _take(self):
        """Takes in what is there; does not wait."""
        while not self.ended:
            try:
                data = os.read(self.output, 65536)
            except BlockingIOError:
                return
            except ConnectionResetError:    # closed with bytes of ours unread
                data = b""
            if not data:
                self.ended = True
            self.buffer += data

    def _await(self, complete, patience):
        deadline = time.monotonic() + patience
        poll = select.poll()
        if not self.ended:
            poll.register(self.output, select.POLLIN)
        while True:
            self._take()
            if complete() or self.ended:
                return
            left = deadline - time.monotonic()
            if left <= 0:
                raise Late("nothing came in %g s; so far %r" % (patience, self.buffer[:300]))
            poll.poll(left * 1000)

    def reply(self, patience=PATIENCE):
        """The next reply, whole. Checks what RFC 5321 section 4.2 demands of every reply."""
        lines = []
        while True:
            self._await(lambda: b"\n" in self.buffer, patience)
            raw, newline, rest = self.buffer.partition(b"\n")
            if not newline:
                if self.buffer or lines:
                    raise Malformed("half a reply: %r after %r" % (self.buffer[:300], lines))
                raise Gone("closed")
            self.buffer = rest
            if len(raw) > 511 or not re.fullmatch(rb"[2345][0-9]{2}[ -][ -~]*\r", raw):
                raise Malformed("no reply line: %r" % raw[:600])
            code, text = raw[:3].decode(), raw[4:-1].decode()
            if lines and code != lines[0][0]:
                raise Malformed("the code changes inside a reply: %r %r" % (lines, raw))
            lines.append((code, text))
            if raw[3:4] == b" ":
                reply = Reply(code, [line for _, line in lines])
                self.transcript.append(reply)
                return reply

    def command(self, text, patience=PATIENCE):
        """Sends one line, returns its reply."""
        self.line(text)
        return self.reply(patience)

    def talk(self, *lines):
        """Sends lines one after the other, returns the codes of their replies."""
        return [self.command(line).code for line in lines]

    def login(self, user="bob", password="sesame", hello="client.example"):
        """Greeting, EHLO, AUTH PLAIN; returns whether the login succeeded."""
        return (self.reply().code == "220" and self.command("EHLO " + hello).code == "250" and
                self.command("AUTH PLAIN " + plain(user, password)).code == "235")

    def closed(self, patience=PATIENCE):
        """Waits for the server to close; returns what it sent before that, as bytes."""
        self._await(lambda: False, patience)
        return self.buffer

    def finish(self, patience=PATIENCE):
        """End of file from the client; returns the exit status (negative: killed by a signal)."""
        self.end_of_file()
        self.closed(patience)
        return self.status(patience)

    def status(self, patience=PATIENCE):
        return self.process.wait(patience)

    def log(self, patience=5):
        """All that was written to descriptor 2. Replies come first and their lines on the log afterwards: waits
        until nobody has anything to do any more."""
        deadline = time.monotonic() + patience
        while any(state_of(pid) in "RD" for pid in self.processes()) and time.monotonic() < deadline:
            time.sleep(0.001)
        self._log.seek(0)
        return self._log.read().decode("latin-1")

    # Looking at the processes

    def processes(self):
        """The process ids of the program and of all its descendants, of children the youngest first."""
        found, todo = [], [self.pid]
        while todo:
            pid = todo.pop()
            found.append(pid)
            with contextlib.suppress(OSError):
                with open("/proc/%d/task/%d/children" % (pid, pid)) as file:
                    todo += [int(child) for child in file.read().split()]
        return found

    def memory(self):
        """KiB of anonymous memory and file pages that its processes have ever held at once."""
        total = 0
        for pid in self.processes():
            with contextlib.suppress(OSError):
                with open("/proc/%d/status" % pid) as file:
                    match = re.search(r"VmHWM:\s+(\d+) kB", file.read())
                    total += int(match.group(1)) if match else 0
        return total


def state_of(pid):
    """R: running or about to, S: sleeping, ... as in ps(1); Z too for a process that is gone."""
    with contextlib.suppress(OSError):
        with open("/proc/%d/stat" % pid) as file:
            return file.read().rpartition(")")[2].split()[0]
    return "Z"


def execute(path, argv, environment):
    """execve(2) with any argument and environment lists, also such as Python itself would refuse.
    For use in a child after fork; does not return."""
    def vector(values):
        return (ctypes.c_char_p * (len(values) + 1))(*values, None)
    libc = ctypes.CDLL(None, use_errno=True)
    libc.execve(path.encode(), vector(argv), vector(environment))
    os._exit(127)
