# ofmipd-session: make, make check, make demo, make bench, make prove, make layers, make lint, make install, make dist.
# Beside the release build: make SAN=1 (ASan and UBSan), make NOCAGE=1 (for profilers: without seccomp), make COVERAGE=1
# (with gcc: it counts what runs, tests/prove/coverage).
# make WERROR=1 takes every warning for an error, as the tests do.

VERSION := $(shell sed -n 's/^#define VERSION "\(.*\)"/\1/p' base/config.h)
PREFIX ?= /usr/local
SBINDIR ?= $(PREFIX)/sbin
MANDIR ?= $(PREFIX)/share/man
SYSCONFDIR ?= /etc
EXAMPLEDIR ?= $(PREFIX)/share/doc/ofmipd-session/examples

# The rooms of the program; the folders show the wall (DESIGN.md), and tests/layers holds them apart.
# In this order: what the monitor alone writes lies on as few pages as can be (base/apart.h).
ROOMS = $(TOGETHER) $(filter-out $(TOGETHER),$(patsubst %.c,%,$(wildcard *.c base/*.c session/*.c auth/*.c inject/*.c)))
TOGETHER = auth inject monitor ask
MANUALS = $(wildcard man/*.[578])
EXAMPLES = xinetd.d stunnel systemd haproxy cluster fail2ban
RUNS    = tcpserver-run tcpserver-run-stunnel tcpserver-run-ucspi-tls tcpserver-log-run

CC ?= cc
# ofmipd-checkpam and ofmipd-checkremote are linked with shared libraries, and are made where those are there to link
# with; `make tools` makes them in any case, or says what is missing (libpam0g-dev, libcurl4-openssl-dev).
has = $(shell printf '\043include <%s>\n' $(1) | $(CC) $(CFLAGS) -E -x c - >/dev/null 2>&1 && echo yes)
CHECKERS = ofmipd-checkpam ofmipd-checkremote
CHECKERS_HERE := $(if $(call has,security/pam_appl.h),ofmipd-checkpam) $(if $(call has,curl/curl.h),ofmipd-checkremote)

# Plain char is signed on every machine: bytes above 127 are found by `< 0`.
FLAGS = -std=c11 -D_GNU_SOURCE -fsigned-char -g -I. -Wall -Wextra -Wshadow -Wformat=2 -Wstrict-prototypes \
	-Wmissing-prototypes -Wwrite-strings $(if $(WERROR),-Werror)
LIBS = -lcrypt -largon2 -lnettle -lmd -lbsd -lpthread

ifdef SAN
BUILD = build/san
FLAGS += -O1 -fsanitize=address,undefined -fno-sanitize-recover=all -fno-omit-frame-pointer -DNOCAGE
LINK = -fsanitize=address,undefined
LINK_SHARED = $(LINK)
TOOLS = $(BUILD)/ofmipd-session $(BUILD)/ofmipd-passwd $(BUILD)/ofmipd-state $(CHECKERS_HERE:%=$(BUILD)/%)
else ifdef COVERAGE
BUILD = build/coverage
FLAGS += -O0 --coverage -fprofile-update=atomic -fdata-sections
COUNTERS = -fPIE -DCOUNTERS='"$(abspath $@).counters"' tests/prove/counters.c -T tests/prove/counters.ld \
	-Wl,--wrap=__gcov_exit
LINK = -static-pie $(COUNTERS)
LIBS += -lgcov
TOOLS = $(BUILD)/ofmipd-session $(BUILD)/ofmipd-passwd $(BUILD)/ofmipd-state
else
BUILD = build/release
# Static: starting a process is what a session costs, and the dynamic loader is a third of that.
FLAGS += -O2 -fPIE $(if $(findstring FORTIFY_SOURCE,$(CFLAGS)),,-U_FORTIFY_SOURCE -D_FORTIFY_SOURCE=2) \
	-fstack-protector-strong -fstack-clash-protection
LINK = -static-pie -Wl,-T,base/apart.ld,-z,relro,-z,now,-z,noexecstack
LINK_SHARED = -pie -Wl,-z,relro,-z,now,-z,noexecstack
TOOLS = ofmipd-session ofmipd-passwd ofmipd-state $(CHECKERS_HERE)
ifdef NOCAGE
BUILD = build/nocage
FLAGS += -DNOCAGE
TOOLS = $(BUILD)/ofmipd-session
endif
endif

all: $(TOOLS)

SESSION_OBJECTS = $(ROOMS:%=$(BUILD)/%.o)
PASSWD_OBJECTS = $(patsubst %.c,$(BUILD)/%.o,tools/ofmipd-passwd.c tools/entry.c tools/import.c tools/replace.c \
	tools/secret.c auth/inspect.c auth/passwd.c auth/pwhash.c) \
	$(BUILD)/base.a

ofmipd-session $(BUILD)/ofmipd-session: $(SESSION_OBJECTS)
	$(CC) $(LINK) $(LDFLAGS) -o $@ $(SESSION_OBJECTS) $(LIBS)

ofmipd-passwd $(BUILD)/ofmipd-passwd: $(PASSWD_OBJECTS)
	$(CC) $(LINK) $(LDFLAGS) -o $@ $(PASSWD_OBJECTS) $(LIBS)

ofmipd-state $(BUILD)/ofmipd-state: $(BUILD)/tools/ofmipd-state.o $(BUILD)/base.a
	$(CC) $(LINK) $(LDFLAGS) -o $@ $^ $(LIBS)

tools: ofmipd-session ofmipd-passwd ofmipd-state $(CHECKERS)

CHECKER_PARTS = $(BUILD)/tools/checkpassword.o $(BUILD)/base.a

ofmipd-checkpam $(BUILD)/ofmipd-checkpam: $(BUILD)/tools/ofmipd-checkpam.o $(CHECKER_PARTS)
	$(CC) $(LINK_SHARED) $(LDFLAGS) -o $@ $^ -lpam

ofmipd-checkremote $(BUILD)/ofmipd-checkremote: $(BUILD)/tools/ofmipd-checkremote.o $(CHECKER_PARTS)
	$(CC) $(LINK_SHARED) $(LDFLAGS) -o $@ $^ -lcurl

$(BUILD)/%.o: %.c Makefile
	@mkdir -p $(@D)
	$(CC) $(FLAGS) $(CFLAGS) -MMD -MP -c -o $@ $<

-include $(wildcard $(BUILD)/*.d $(BUILD)/*/*.d)

# What tests are linked with beside the rooms that they name.
$(BUILD)/base.a: $(patsubst %.c,$(BUILD)/%.o,$(wildcard base/*.c))
	rm -f $@ && $(AR) rcs $@ $^

comma := ,

# A unit test is one file; its first line names the rooms it is linked with: /* links: ask session/line */
UNITS = $(patsubst tests/unit/%.c,$(BUILD)/unit-%,$(wildcard tests/unit/*.c))
units: $(UNITS) $(BUILD)/cuts

# The program, its session more than once in one process: t-dialogues.
$(BUILD)/cuts: tests/cuts.c $(SESSION_OBJECTS)
	$(CC) $(FLAGS) $(CFLAGS) $(LINK) $(LDFLAGS) -o $@ $< $(filter-out %/session/smtp.o,$(SESSION_OBJECTS)) \
		$(patsubst %,-Wl$(comma)--wrap=%,read write send recvmsg poll close time) $(LIBS)

$(BUILD)/unit-%: tests/unit/%.c $(wildcard *.h */*.h tests/unit/*.h tests/fuzz/*) Makefile $(SESSION_OBJECTS) \
		$(BUILD)/base.a
	$(CC) $(FLAGS) $(CFLAGS) -o $@ $< \
		$$(sed -n '1s,^/\* links: \(.*\) \*/,\1,p' $< | sed 's,base alone,,;s,[^ ][^ ]*,$(BUILD)/&.o,g') \
		$(BUILD)/base.a $(LIBS) -lcmocka $(filter -fsan%,$(LINK)) $(COUNTERS)

# make check TESTS="t-start t-login": these alone.
check:
	sh tests/run $(TESTS)

demo:
	sh demo

# The long form of the tests that have one, and what takes too long for `make check`: mutants, Eva, coverage. Writes
# PROOF.md.
prove:
	sh tests/prove/run

bench: all
	sh tests/bench/run

bench-timing: all
	tests/bench/timing

bench-real: all
	tests/bench/real

layers: all
	sh tests/layers $(BUILD)

lint:
	FLAGS='$(FLAGS)' sh tests/lint $(CHECKS)

# The files of the tree say where things are without PREFIX.
PLACES = -e 's,/usr/local/sbin/ofmipd,$(SBINDIR)/ofmipd,g' \
	-e 's,/usr/local/share/doc/ofmipd-session/examples,$(EXAMPLEDIR),g'

install: all
	install -d $(DESTDIR)$(SBINDIR) $(DESTDIR)$(MANDIR)/man5 $(DESTDIR)$(MANDIR)/man7 $(DESTDIR)$(MANDIR)/man8 \
		$(DESTDIR)$(EXAMPLEDIR) $(DESTDIR)$(SYSCONFDIR)/ofmipd
	install -m 755 $(TOOLS) $(DESTDIR)$(SBINDIR)
	for page in $(notdir $(MANUALS)); do to=$(DESTDIR)$(MANDIR)/man$${page##*.}/$$page; \
		install -m 644 man/$$page $$to && sed -i $(PLACES) $$to || exit 1; done
	for file in $(RUNS) $$(find $(EXAMPLES) -type f); do \
		mode=$$(test -x $$file && echo 755 || echo 644); \
		install -D -m $$mode $$file $(DESTDIR)$(EXAMPLEDIR)/$$file || exit 1; done
	find $(DESTDIR)$(EXAMPLEDIR) -type f -exec sed -i $(PLACES) {} +
	@echo "Next: ofmipd-session --check, and choose a door: man 7 ofmipd-doors."

uninstall:
	cd $(DESTDIR)$(SBINDIR) && rm -f ofmipd-session ofmipd-passwd ofmipd-state $(CHECKERS)
	for page in $(notdir $(MANUALS)); do rm -f $(DESTDIR)$(MANDIR)/man$${page##*.}/$$page; done
	rm -rf $(DESTDIR)$(EXAMPLEDIR)
	-rmdir --ignore-fail-on-non-empty $(DESTDIR)$(patsubst %/,%,$(dir $(EXAMPLEDIR))) $(DESTDIR)$(SYSCONFDIR)/ofmipd

dist:
	git archive --prefix=ofmipd-session-$(VERSION)/ -o ofmipd-session-$(VERSION).tar.gz HEAD

clean:
	rm -rf build ofmipd-session ofmipd-passwd ofmipd-state $(CHECKERS)

.PHONY: all tools units check demo bench layers lint install uninstall dist clean prove bench-timing bench-real
