# ofmipd-session: make, make check, make demo, make bench, make layers, make install, make dist.
# Beside the release build: make SAN=1 (ASan and UBSan), make NOCAGE=1 (for profilers: without seccomp).

VERSION := $(shell sed -n 's/^#define VERSION "\(.*\)"/\1/p' config.h)
PREFIX ?= /usr/local
SBINDIR ?= $(PREFIX)/sbin
MANDIR ?= $(PREFIX)/share/man
SYSCONFDIR ?= /etc
EXAMPLEDIR ?= $(PREFIX)/share/doc/ofmipd-session/examples

# The rooms, by side of the wall; which may include which is said in tests/layers.
SHARED  = text io config peer drop ask
SESSION = line sasl data smtp
MONITOR = child secret passwd auth inject monitor
MANUALS = ofmipd-session.8 ofmipd-passwd.8 ofmipd-authfile.5 ofmipd-doors.7
EXAMPLES = xinetd.d stunnel systemd haproxy
RUNS    = tcpserver-run tcpserver-run-stunnel tcpserver-run-ucspi-tls tcpserver-log-run

CC ?= cc
# Plain char is signed on every machine: bytes above 127 are found by `< 0`.
FLAGS = -std=c11 -D_GNU_SOURCE -fsigned-char -g -Wall -Wextra -Werror -Wshadow -Wformat=2 -Wstrict-prototypes \
	-Wmissing-prototypes -Wwrite-strings
LIBS = -lcrypt -lnettle -lbsd -lmd

ifdef SAN
BUILD = build/san
FLAGS += -O1 -fsanitize=address,undefined -fno-sanitize-recover=all -fno-omit-frame-pointer -DNOCAGE
LINK = -fsanitize=address,undefined
TOOLS = $(BUILD)/ofmipd-session $(BUILD)/ofmipd-passwd
else
BUILD = build/release
# Static: starting a process is what a session costs, and the dynamic loader is a third of that.
FLAGS += -O2 -fPIE -D_FORTIFY_SOURCE=2 -fstack-protector-strong -fstack-clash-protection
LINK = -static-pie -Wl,-z,relro,-z,now,-z,noexecstack
TOOLS = ofmipd-session ofmipd-passwd
ifdef NOCAGE
BUILD = build/nocage
FLAGS += -DNOCAGE
TOOLS = $(BUILD)/ofmipd-session
endif
endif

all: $(TOOLS)

SESSION_OBJECTS = $(patsubst %,$(BUILD)/%.o,ofmipd-session $(SHARED) $(SESSION) $(MONITOR))
PASSWD_OBJECTS = $(patsubst %,$(BUILD)/%.o,ofmipd-passwd secret)

ofmipd-session $(BUILD)/ofmipd-session: $(SESSION_OBJECTS)
	$(CC) $(LINK) $(LDFLAGS) -o $@ $(SESSION_OBJECTS) $(LIBS)

ofmipd-passwd $(BUILD)/ofmipd-passwd: $(PASSWD_OBJECTS)
	$(CC) $(LINK) $(LDFLAGS) -o $@ $(PASSWD_OBJECTS) $(LIBS)

$(BUILD)/%.o: %.c Makefile | $(BUILD)
	$(CC) $(FLAGS) $(CFLAGS) -MMD -MP -c -o $@ $<

$(BUILD):
	mkdir -p $@

-include $(wildcard $(BUILD)/*.d)

# A unit test is one file; its first line names the rooms it is linked with: /* links: text io */
UNITS = $(patsubst tests/unit/%.c,$(BUILD)/unit-%,$(wildcard tests/unit/*.c))
units: $(UNITS)

$(BUILD)/unit-%: tests/unit/%.c $(wildcard *.h tests/unit/*.h tests/fuzz/*) Makefile $(patsubst %,$(BUILD)/%.o,$(SHARED) $(SESSION) $(MONITOR))
	$(CC) $(FLAGS) $(CFLAGS) -I. -o $@ $< \
		$$(sed -n '1s,^/\* links: \(.*\) \*/,\1,p' $< | sed 's,[^ ]*,$(BUILD)/&.o,g') $(LIBS) -lcmocka $(filter -fsan%,$(LINK))

check:
	sh tests/run

demo:
	sh demo

bench: all
	sh tests/bench/run

layers: all
	sh tests/layers $(BUILD)

# The files of the tree say where things are without PREFIX.
PLACES = -e 's,/usr/local/sbin/ofmipd,$(SBINDIR)/ofmipd,g' \
	-e 's,/usr/local/share/doc/ofmipd-session/examples,$(EXAMPLEDIR),g'

install: all
	install -d $(DESTDIR)$(SBINDIR) $(DESTDIR)$(MANDIR)/man5 $(DESTDIR)$(MANDIR)/man7 $(DESTDIR)$(MANDIR)/man8 \
		$(DESTDIR)$(EXAMPLEDIR) $(DESTDIR)$(SYSCONFDIR)/ofmipd
	install -m 755 ofmipd-session ofmipd-passwd $(DESTDIR)$(SBINDIR)
	for page in $(MANUALS); do install -m 644 $$page $(DESTDIR)$(MANDIR)/man$${page##*.}; done
	for file in $(RUNS) $$(find $(EXAMPLES) -type f); do \
		install -D -m $$(test -x $$file && echo 755 || echo 644) $$file $(DESTDIR)$(EXAMPLEDIR)/$$file || exit 1; done
	find $(DESTDIR)$(EXAMPLEDIR) $(foreach page,$(MANUALS),$(DESTDIR)$(MANDIR)/man$(subst .,,$(suffix $(page)))/$(page)) \
		-type f -exec sed -i $(PLACES) {} +
	@echo "Next: ofmipd-session --check, and choose a door: man 7 ofmipd-doors."

uninstall:
	rm -f $(DESTDIR)$(SBINDIR)/ofmipd-session $(DESTDIR)$(SBINDIR)/ofmipd-passwd
	for page in $(MANUALS); do rm -f $(DESTDIR)$(MANDIR)/man$${page##*.}/$$page; done
	rm -rf $(DESTDIR)$(EXAMPLEDIR)
	-rmdir --ignore-fail-on-non-empty $(DESTDIR)$(patsubst %/,%,$(dir $(EXAMPLEDIR))) $(DESTDIR)$(SYSCONFDIR)/ofmipd

dist:
	git archive --prefix=ofmipd-session-$(VERSION)/ -o ofmipd-session-$(VERSION).tar.gz HEAD

clean:
	rm -rf build ofmipd-session ofmipd-passwd

.PHONY: all units check demo bench layers install uninstall dist clean
