"""The commands and lines of configuration that ofmipd-doors(7) shows, so that what is tested is
what is printed there."""

import os
import re

import doors
from harness import TOP, ok


def line(beginning):
    """The one line that begins so; lines that end in a backslash are joined."""
    with open(os.path.join(TOP, "man", "ofmipd-doors.7"), encoding="utf-8") as file:
        text = file.read().replace("\\e\n", " ")
    found = [re.sub(r"[ \t]+", " ", line.strip()) for line in text.splitlines()
             if line.strip().startswith(beginning)]
    if len(found) != 1:
        raise ValueError("ofmipd-doors.7 has %d lines that begin with %r" % (len(found), beginning))
    return found[0].replace("\\-", "-")


def put_in(command, place, changes=()):
    """The line with the names of a doors.Place, and `changes`, which must all occur."""
    for old, new in {**place.names, **dict(changes)}.items():
        if old in dict(changes) and old not in command:
            raise ValueError("%r is not in %r" % (old, command))
        command = command.replace(old, new)
    return command


def check(door, title, *expected):
    """doors.check(), of which a client that cannot go on is one failure, and not the end."""
    try:
        doors.check(door, title, *expected)
    except OSError as error:    # smtplib's exceptions are of this kind, too
        ok(False, "%s: %r" % (title, error), *door.log() or ())
