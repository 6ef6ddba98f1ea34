"""What the end-to-end tests share: the program under tcpserver, Maildirs, stand-in programs that tell everything about
the process they were started as, and what every mail system must do with every kind of message."""

import contextlib
import grp
import os
import pwd
import re
import shutil
import subprocess
import time

import harness
from harness import ok, same

ORDINARY = pwd.getpwnam("nobody")


def own(path, account=ORDINARY):
    """Gives a file to an account; an ordinary user can only own what is his."""
    if harness.ROOT:
        os.chown(path, account.pw_uid, account.pw_gid)
    return path


def add_account(name, group, home):
    """On a private machine: what a mail system's package does when it is installed."""
    def free(numbers):
        return next(number for number in range(999, 100, -1) if number not in numbers)
    for new in {name, group} - {entry.gr_name for entry in grp.getgrall()}:
        with open("/etc/group", "a") as file:
            file.write("%s:x:%d:\n" % (new, free({entry.gr_gid for entry in grp.getgrall()})))
    if name not in {entry.pw_name for entry in pwd.getpwall()}:
        with open("/etc/passwd", "a") as file:
            file.write("%s:x:%d:%d::%s:/bin/false\n" % (
                name, free({entry.pw_uid for entry in pwd.getpwall()}), grp.getgrnam(name).gr_gid, home))


# What tcpserver says of a client on this machine.
CLIENT = {"PATH": "/usr/bin:/bin", "PROTO": "TCP", "TCPREMOTEIP": "127.0.0.1",
          "TCPREMOTEPORT": "40000", "TCPLOCALIP": "127.0.0.1", "TCPLOCALPORT": "8025"}


def transact(session, message=b"Subject: test\n\ntest\n", recipients=("bob@example.net",),
             sender="alice@example.org", parameters="", patience=harness.PATIENCE):
    """One message over a session that is logged in; the reply to it, or to what stopped it."""
    session.send("MAIL FROM:<%s>%s\r\n%sDATA\r\n" % (
        sender, parameters, "".join("RCPT TO:<%s>\r\n" % recipient for recipient in recipients)))
    replies = [session.reply() for _ in range(len(recipients) + 2)]
    if replies[-1].code != "354":
        return next(reply for reply in replies if reply.code[0] in "45")
    session.send(message.replace(b"\n", b"\r\n").replace(b"\r\n.", b"\r\n..") + b".\r\n")
    return session.reply(patience)


class Server:
    """tcpserver on a free port of 127.0.0.1, starting the program for each connection."""

    def __init__(self, where, *options, environment=None):
        self.log_path = os.path.join(where, "log")
        self._log = open(self.log_path, "wb")
        command = [harness.PROGRAM] + (["-u", harness.SERVICE] if harness.ROOT else [])
        # Port 0 lets the system choose a free one; -1 prints it.
        self.process = subprocess.Popen(
            ["tcpserver", "-1", "-HR", "-l", "localhost", "127.0.0.1", "0"] + command + list(options),
            stdout=subprocess.PIPE, stderr=self._log, stdin=subprocess.DEVNULL,
            env=environment or {"PATH": "/usr/bin:/bin"})
        self.port = int(self.process.stdout.readline())

    def __enter__(self):
        return self

    def __exit__(self, *exception):
        self.process.terminate()
        self.process.wait(10)
        self.process.stdout.close()
        self._log.close()

    def log(self):
        with open(self.log_path, "rb") as file:
            return file.read().decode("latin-1")


class Maildir:
    """A Maildir that the service account can deliver to."""

    def __init__(self, where, name="Maildir"):
        self.path = os.path.join(where, name)
        for path in self.path, self.path + "/tmp", self.path + "/new", self.path + "/cur":
            os.mkdir(path, 0o700)
            own(path)

    def take(self):
        """The messages in new/, each a Delivered, which are then removed."""
        new = os.path.join(self.path, "new")
        messages = []
        for name in sorted(os.listdir(new)):
            with open(os.path.join(new, name), "rb") as file:
                messages.append(Delivered(file.read()))
            os.unlink(os.path.join(new, name))
        return messages

    def left_over(self):
        return os.listdir(os.path.join(self.path, "tmp"))


class Delivered:
    """A message as maildir: delivers it: Return-Path and X-Envelope-To lines, then the message."""

    def __init__(self, content):
        self.sender, self.recipients = None, []
        match = re.match(rb"Return-Path: <([^\n]*)>\n", content)
        if match:
            self.sender = match.group(1)
            content = content[match.end():]
        while match := re.match(rb"X-Envelope-To: <([^\n]*)>\n", content):
            self.recipients.append(match.group(1))
            content = content[match.end():]
        self.received, self.message = harness.split_received(content)


# A shell script tells the truth about the process it runs in: /proc/PID/environ is what execve(2)
# got, and the shell opens nothing but itself, on descriptor 10.
STAND_IN = """#!/bin/sh
record() {
    n=1
    until mkdir %(record)s/$n 2>/dev/null; do n=$((n + 1)); [ $n -lt 5000 ] || exit 70; done
    ( ls -l /proc/$$/fd >%(record)s/$n/fd )
    cat /proc/$$/fdinfo/0 >%(record)s/$n/fdinfo
    # By the shell itself: while it starts another program it blocks signals.
    while read -r line; do printf '%%s\\n' "$line"; done </proc/$$/status >%(record)s/$n/status
    for f in cmdline environ limits stat; do cat /proc/$$/$f >%(record)s/$n/$f; done
    readlink /proc/$$/cwd >%(record)s/$n/cwd
    umask >%(record)s/$n/umask
    cat >%(record)s/$n/stdin
}
%(act)s
"""


class StandIn:
    """A program whose doings the test decides before each run: shell text that may call `record`."""

    def __init__(self, where, name="stand-in"):
        self.record = os.path.join(where, name + ".record")
        os.mkdir(self.record)
        os.chmod(self.record, 0o1777)
        self.path = os.path.join(where, name)
        self.act("record")

    def act(self, text):
        harness.write(self.path, STAND_IN % {"record": self.record, "act": text}, 0o755)

    def runs(self):
        return [Run(os.path.join(self.record, name))
                for name in sorted(os.listdir(self.record), key=int)]

    def last(self):
        runs = self.runs()
        return runs[-1] if runs else None


class Run:
    """One run of a stand-in."""

    def __init__(self, where):
        def content(name):
            with open(os.path.join(where, name), "rb") as file:
                return file.read()
        # The shell's own name comes first.
        self.argv = content("cmdline").split(b"\0")[1:-1]
        self.environment = content("environ").split(b"\0")[:-1]
        self.stdin = content("stdin") if os.path.exists(os.path.join(where, "stdin")) else None
        self.cwd = content("cwd").rstrip(b"\n").decode()
        # Of standard input, before the shell read any of it.
        self.offset, self.flags = (int(value, base) for value, base in zip(
            re.findall(rb"^(?:pos|flags):\s*(\w+)", content("fdinfo"), re.M), (10, 8)))
        self.umask = content("umask").strip()
        self.limits = content("limits")
        fields = content("stat").rsplit(b") ", 1)[1].split()
        self.group, self.session = int(fields[2]), int(fields[3])
        self.pid = int(content("stat").split()[0])
        self.status = dict(re.findall(r"^(\w+):\s*(.*)$", content("status").decode(), re.M))
        self.descriptors = {}
        for number, target in re.findall(rb" (\d+) -> (.*)$", content("fd"), re.M):
            if target != self.argv[0]:
                self.descriptors[int(number)] = target.decode()


def wait_for(condition, patience=10.0):
    """Waits until the condition holds; says whether it did."""
    deadline = time.monotonic() + patience
    while not condition():
        if time.monotonic() > deadline:
            return False
        time.sleep(0.02)
    return True


# Mail systems, and every kind of message -------------------------------------------------------------

SENDER = "alice@example.org"
RECIPIENTS = ["bob@example.net", "carol+list@example.net", "a'b!c%d@example.net"]
PLAIN_RECIPIENTS = ["bob@example.net", "carol+list@example.net"]
MANY = ["user%04d@example.net" % n for n in range(1000)]
HEADER = b"""Date: Sat, 21 Nov 2020 04:05:06 +0000
From: Alice <alice@example.org>
To: bob@example.net
Message-ID: <x@client.example>
Subject: dots and eight bits

"""
BODY = b".\n..\n.x\nFrom here to there\n" + bytes(range(0x80, 0x100)) + b"\ntrailing blanks  \n\n.\nthe end\n"
MESSAGE = HEADER + BODY


def large():
    """20 MB of dots."""
    return HEADER + b"".join(b"%08d %s\n" % (n, b"." * 67) for n in range(20 * 1024 * 1024 // 77 + 1))


def read(path):
    with open(path, "rb") as file:
        return file.read()


def directory(path, mode=0o755, user="root", group="root"):
    os.makedirs(path, exist_ok=True)
    shutil.chown(path, user, group)
    os.chmod(path, mode)
    return path


def small_disk(path, *how):
    """A file system of its own, of 200 MB, so that it can be full."""
    shutil.rmtree(path, ignore_errors=True)
    directory(path)
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=200m", "none", path], check=True)
    return directory(path, *how)


def header_field(name, content):
    return re.findall(rb"^%s: ((?:.*\n[ \t])*.*)$" % name, content.partition(b"\n\n")[0], re.M)


class System:
    """A mail system that was made ready: `injector` is what -i gets, held(n) yields (sender, recipients, content) of
    each message that it holds for n recipients and forgets it, `disk` is the file system that it needs. `odd` is what
    it does otherwise than usual with a message of MESSAGES: the reply's code, or a function that undoes it to the body;
    `full` is the reply's code where the disk is full."""

    recipients, disk, odd, null_sender, full = RECIPIENTS, None, {}, b"", "451"

    def __init__(self, where):
        self.where = where
        self.ready()

    def refusals(self):
        """Yields (text, the code that is right, message, perhaps recipients) where it would refuse that one."""
        return ()

    def stops(self):
        """Yields (text, the code that is right, whether it holds the message once all is started again) while something
        of it is stopped."""
        return ()

    def more(self, session):
        """What it alone does."""

    def restart(self):
        self.stop()
        self.start()

    def stop(self):
        self.daemon.terminate()
        self.daemon.wait(30)


MESSAGES = {"one recipient": (MESSAGE, ["bob@example.net"]), "several recipients": (MESSAGE, None),
            "1000 recipients": (MESSAGE, MANY),
            "a line of 998 bytes": (HEADER + b"x" * 998 + b"\n", None),
            "a line of 100,000 bytes": (HEADER + b"x" * 100000 + b"\nthe end\n", None),
            "an empty body": (HEADER, None), "an empty message": (b"", None), "the null sender": (MESSAGE, None),
            "20 MB": (None, ["bob@example.net"])}


def holds(system, what, message, recipients, sender=SENDER):
    """The system has the message once, for whom it was meant, as it was."""
    what = "%s: %s: " % (system.name, what)
    mails = list(system.held(len(recipients)))
    if not ok(len(mails) == 1, what + "it holds it, once", len(mails), *(mail[:2] for mail in mails)):
        return
    seen, to, content = mails[0]
    same((seen, sorted(to)),
         (sender.encode() if sender else system.null_sender, sorted(address.encode() for address in recipients)),
         what + "from whom, to whom")
    header, _, body = content.partition(b"\n\n")
    sent_header, _, sent_body = message.partition(b"\n\n")
    body = system.odd.get(what.split(": ")[1], bytes)(body)
    ok(sent_header in header and body == sent_body, what + "byte for byte", header, len(body), len(sent_body),
       body[:100], body[-100:])


def takes(system, session):
    for what, (message, recipients) in MESSAGES.items():
        message, recipients = large() if message is None else message, recipients or system.recipients
        wanted = system.odd.get(what, "250")
        wanted = wanted if isinstance(wanted, str) else "250"
        code = transact(session, message, recipients, "" if what == "the null sender" else SENDER, patience=300).code
        same(code, wanted, "%s: %s: %s" % (system.name, what, wanted), session.log()[-600:])
        if code == "250":
            holds(system, what, message, recipients, "" if what == "the null sender" else SENDER)
        else:
            same(list(system.held(0)), [], "%s: %s: it holds nothing" % (system.name, what))


def refused(system, session, text, wanted, message, recipients):
    reply = transact(session, message, recipients, patience=300)
    same(reply.code, wanted, "%s: %s: %s" % (system.name, text, wanted), reply, session.log()[-600:])
    # Its own notice to the sender, perhaps.
    mails = [(sender, *rest) for sender, *rest in system.held(0) if not rest[1].startswith(b"Return-path: <>\n")]
    same(mails, [], "%s: %s: it holds nothing" % (system.name, text))


def refuses(system, session):
    for text, wanted, message, *recipients in system.refusals():
        refused(system, session, text, wanted, message, recipients[0] if recipients else system.recipients)
    if system.disk:
        ballast = os.path.join(system.disk, "ballast")
        with open(ballast, "wb") as file:
            left = os.statvfs(system.disk)
            os.posix_fallocate(file.fileno(), 0, left.f_bavail * left.f_frsize - (5 << 20))
        refused(system, session, "a full disk", system.full, large(), system.recipients[:1])
        with contextlib.suppress(FileNotFoundError):
            os.unlink(ballast)
    stops = iter(system.stops())
    for text, wanted, kept in stops:
        reply = transact(session, MESSAGE, system.recipients)
        same(reply.code, wanted, "%s: %s: %s" % (system.name, text, wanted), reply, session.log()[-600:])
        next(stops, None)
        if kept:
            holds(system, text, MESSAGE, system.recipients)
        else:
            same(list(system.held(0)), [], "%s: %s: it holds nothing" % (system.name, text))
    same(transact(session, MESSAGE, system.recipients).code, "250", "%s: afterwards it goes on" % system.name,
         session.log())
    holds(system, "afterwards", MESSAGE, system.recipients)
