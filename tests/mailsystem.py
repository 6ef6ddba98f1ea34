"""What the end-to-end tests share: the program under tcpserver, Maildirs, and stand-in programs that
tell everything about the process they were started as."""

import grp
import os
import pwd
import re
import subprocess
import time

import harness

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
