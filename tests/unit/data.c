/* links: session/header session/originator session/data session/line ask */
/*
 * The message on its way to the spool, against a second, slow reading of the same rules, byte by byte; and
 * the same for every way of cutting it into calls.
 */
#include "unit.h"

#include <fcntl.h>
#include <strings.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

#include "session/data.h"

#define MOST (1 << 20)

/* The clock stands still: the header has the date in it twice. */
time_t
time(time_t *now)
{
	if (now != NULL)
		*now = 1795232194;
	return 1795232194;
}

static struct config config = { .hostname = "mail.example", .max_size = 1 << 16 };
static const struct header_origin origin = {
	.config = &config, .from = "client.example", .host = "host.example", .address = "192.0.2.1",
	.with = "ESMTPSA", .tls = "TLSv1.3", .id = "ID", .number = 1, .sender = "bob@client.example",
};

#define RECEIVED "Received: from client.example (host.example [192.0.2.1])\n\tby mail.example with ESMTPSA (TLSv1.3)\n" \
	"\tid ID; Sat, 21 Nov 2026 03:36:34 +0000\n"
#define DATE "Date: Sat, 21 Nov 2026 03:36:34 +0000\n"
#define ID "Message-ID: <ID.1@mail.example>\n"
#define FROM "From: <bob@client.example>\n"

/* What a message comes to. */
struct result {
	bool done, blemished;
	size_t consumed;
	uint64_t size;
	unsigned received;
	const char *code;	/* the refusal, "" for none */
	char *spool;
	size_t length;
};

static struct data data;
static char spooled[MOST], expected[MOST];

/* The bytes in calls that each have `part` more (0: at random), at the end all; what is not taken comes again. */
static struct result
take(const char *bytes, size_t length, size_t part)
{
	struct result result = { .spool = spooled };
	size_t given = 0, taken = 0;
	const struct reply *reply;
	int spool = memfd_create("spool", 0);

	assert_true(spool >= 0);
	data_start(&data, &origin, spool);
	while (given < length && !data.done) {
		size_t more = part > 0 ? part : noise_below(noise_below(4) == 0 ? 400 : 6) + 1;

		given += more > length - given ? length - given : more;
		while (given - taken > LINE_IN_SIZE)
			given--;
		taken += data_take(&data, bytes + taken, given - taken);
		assert_true(taken <= given && data.out_used <= sizeof data.out);
		assert_true(data.done || given - taken <= 1000);
	}
	result.done = data.done;
	result.consumed = taken;
	result.blemished = data.blemished;
	result.size = data.size;
	result.received = data.header.received;
	/* What will be refused is not stored; a header is completed all the same. */
	if (data.blemished || data.size > config.max_size)
		assert_in_range(data.out_used, 0, sizeof(DATE ID FROM "\n") - 1);
	reply = data.done ? data_finish(&data) : NULL;
	result.code = "";
	if (reply != NULL) {
		static char array[200];

		assert_null(reply->end);
		snprintf(array, sizeof array, "%d %s %s", reply->code, reply->enhanced, reply->text);
		result.code = array;
	}
	if (data.done && reply == NULL) {
		ssize_t got = pread(spool, spooled, sizeof spooled, 0);

		assert_true(got >= 0 && got < MOST);
		result.length = (size_t)got;
	}
	close(spool);
	return result;
}

static size_t
put(size_t used, const char *string, size_t length)
{
	memcpy(expected + used, string, length);
	return used + length;
}

#define PUT(string) (used = put(used, string, strlen(string)))

#define BLEMISHED "550 5.6.0 Message has a bare CR or a NUL (RFC 5321 section 2.3.8)"
#define TOO_BIG "552 5.3.4 Message is larger than this server takes"
#define LOOP "554 5.4.6 Message has 100 Received fields: a loop"

/* The rules once more: find the end mark, then read line by line what is known to be whole. */
static struct result
reference(const char *bytes, size_t length)
{
	struct result result = { .spool = expected };
	const char *mark = NULL, *at = bytes;
	bool header = true, field = false, drop = false, date = false, id = false, from = false;
	size_t used = 0;

	if (length >= 3 && memcmp(bytes, ".\r\n", 3) == 0)
		mark = bytes;
	else if ((mark = memmem(bytes, length, "\r\n.\r\n", 5)) != NULL)
		mark += 2;
	if (mark == NULL)
		return result;	/* what came of it so far nobody asks */
	result.done = true;
	result.consumed = (size_t)(mark - bytes) + 3;
	for (const char *p = bytes; p < mark; p++)
		if (*p == '\0' || (*p == '\r' && p[1] != '\n'))
			result.blemished = true;
	result.size = (uint64_t)(mark - bytes);
	PUT(RECEIVED);
	while (at < mark) {
		const char *end = memchr(at, '\n', (size_t)(mark - at)), *p = at;

		assert_non_null(end);
		if (*p == '.' && (p == bytes || (p - bytes >= 2 && memcmp(p - 2, "\r\n", 2) == 0))) {
			p++;
			result.size--;
		}
		at = end + 1;
		end -= end > p && end[-1] == '\r';
		if (header) {
			const char *name = p;

			while (p < end && *p > 32 && *p < 127 && *p != ':')
				p++;
			length = (size_t)(p - name);
			while (p < end && (*p == ' ' || *p == '\t'))
				p++;
			if (length > 0 && p < end && *p == ':' && p - name < 1000) {
				field = true;
				result.received += length == 8 && strncasecmp(name, "Received", 8) == 0;
				date |= length == 4 && strncasecmp(name, "Date", 4) == 0;
				id |= length == 10 && strncasecmp(name, "Message-ID", 10) == 0;
				from |= length == 4 && strncasecmp(name, "From", 4) == 0;
				drop = (length == 3 && strncasecmp(name, "Bcc", 3) == 0) ||
				    (length == 10 && strncasecmp(name, "Resent-Bcc", 10) == 0) ||
				    (length == 11 && strncasecmp(name, "Return-Path", 11) == 0);
			} else if (!(field && (*name == ' ' || *name == '\t'))) {
				header = drop = false;
				PUT(date ? "" : DATE);
				PUT(id ? "" : ID);
				PUT(from ? "" : FROM);
				if (name != end)
					PUT("\n");
			}
			p = name;
		}
		if (!drop) {
			used = put(used, p, (size_t)(end - p));
			PUT("\n");
		}
	}
	if (header) {
		PUT(date ? "" : DATE);
		PUT(id ? "" : ID);
		PUT(from ? "" : FROM);
	}
	result.length = used;
	result.code = result.blemished ? BLEMISHED : result.size > config.max_size ? TOO_BIG
	    : result.received >= 100 ? LOOP : "";
	return result;
}

static void
same(const struct result *got, const struct result *wanted, const char *bytes, size_t length, size_t part)
{
	if (got->done == wanted->done && (!wanted->done || (got->consumed == wanted->consumed &&
	    got->blemished == wanted->blemished && strcmp(got->code, wanted->code) == 0 &&
	    (wanted->blemished || (got->size == wanted->size && got->received == wanted->received)) &&
	    (*wanted->code != '\0' || (got->length == wanted->length &&
	    memcmp(got->spool, wanted->spool, got->length) == 0)))))
		return;
	print_message("# the message, %zu bytes, in parts of %zu:\n# ", length, part);
	for (size_t i = 0; i < length && i < 2000; i++)
		print_message(bytes[i] >= 32 && bytes[i] < 127 ? "%c" : "\\x%02x", (unsigned char)bytes[i]);
	print_message("\n");
	fail_msg("done %d %d, consumed %zu %zu, blemished %d %d, size %ju %ju, received %u %u, code %s %s, spool %zu "
	    "%zu:\n%.*s\n-- not\n%.*s", got->done, wanted->done, got->consumed, wanted->consumed, got->blemished,
	    wanted->blemished, (uintmax_t)got->size, (uintmax_t)wanted->size, got->received, wanted->received,
	    got->code, wanted->code, got->length, wanted->length, (int)got->length, got->spool,
	    (int)wanted->length, wanted->spool);
}

/* One message in one go, in parts of several sizes, and cut in two in every place if it is short. */
static void
check(const char *bytes, size_t length)
{
	static const size_t parts[] = { 1, 2, 3, 7, 0, 0, 0, SIZE_MAX / 2 };
	struct result wanted = reference(bytes, length), got;
	char *exact = exactly(bytes, length + 1);	/* bytes[length] is readable */

	for (size_t i = 0; i < LENGTH(parts); i++) {
		if (parts[i] == 1 && length > 20000)
			continue;
		got = take(exact, length, parts[i]);
		same(&got, &wanted, bytes, length, parts[i]);
	}
	for (size_t i = 1; i < length && length < 100; i++) {
		got = take(exact, length, i);
		same(&got, &wanted, bytes, length, i);
	}
	free(exact);
}

#define SMUGGLED "MAIL FROM:<s@x>\r\nRCPT TO:<t@x>\r\nDATA\r\nSubject: smuggled\r\n\r\nevil\r\n"

static void
end_marks_and_none(void **state)
{
	/* Every sequence that some server takes for the end of data; only one is. */
	static const struct {
		const char *bytes;
		size_t length;
	} rows[] = {
#define ROW(string) { string, sizeof string - 1 }
		ROW("\r\n.\r\n"), ROW("\n.\n"), ROW("\n.\r\n"), ROW("\r\n.\n"), ROW("\n.\r"), ROW("\r.\n"), ROW("\r.\r"),
		ROW("\r.\r\n"), ROW("\r\n.\rx"), ROW("\r\n.\r\r\n"), ROW("\r\r\n.\r\r\n"), ROW("\r\r\n.\r\n"),
		ROW("\r\n\0.\r\n"), ROW("\r\n.\0\r\n"), ROW("\r\n.\0x\r\n"), ROW("\r\n. \r\n"), ROW("\r\n.\t\r\n"),
		ROW("\r\n..\r\n"), ROW("\r\n...\r\n"), ROW("\r\n.x\r\n"), ROW("X.\r\n"), ROW("\r\n\x85.\x85\r\n"),
		ROW("\r\n\xe2\x80\xa8.\xe2\x80\xa8\r\n"), ROW("\r\n\x0b.\x0c\r\n"), ROW("\r\n\x1a\r\n\x04\r\n"),
		ROW("\r"), ROW("\n"), ROW("\0"), ROW("\r\n.\n.\r\n"), ROW("\r\n.\r.\r\n"), ROW("\n\r\n.\r\n"),
		ROW("\r\n..\r\n.\r\n"), ROW("\n.\r\n.\r\n"), ROW("\r\n\r\n.\r\n\r\n"), ROW("\r\n.\r\n\r"),
	};
	static const char *const before[] = { "", "X", "Subject: a", "Subject: a\r\n\r\nX", "a: b\r\n", "a: b\r\n\r\n", ".",
	    ".X", "Bcc: a", "\r", "\r\n" };

	(void)state;
	for (size_t i = 0; i < LENGTH(rows); i++)
		for (size_t k = 0; k < LENGTH(before); k++) {
			char bytes[300];
			size_t length = strlen(before[k]);

			memcpy(bytes, before[k], length);
			memcpy(bytes + length, rows[i].bytes, rows[i].length);
			length += rows[i].length;
			check(bytes, length);	/* and no more: it may wait for ever */
			memcpy(bytes + length, SMUGGLED ".\r\n", sizeof SMUGGLED + 2);
			length += sizeof SMUGGLED + 2;
			check(bytes, length);
			memcpy(bytes + length - 3, "\r\n.\r\nQUIT\r\n", 11);
			check(bytes, length + 8);
		}
}

static void
headers_by_hand(void **state)
{
	static const struct {
		const char *bytes, *spool;
	} rows[] = {
		{ ".\r\n", RECEIVED DATE ID FROM },
		{ "\r\n.\r\n", RECEIVED DATE ID FROM "\n" },
		{ "text\r\n.\r\n", RECEIVED DATE ID FROM "\ntext\n" },
		{ "Date: d\r\nMessage-Id: i\r\nFrom: f\r\n\r\ntext\r\n.\r\n", RECEIVED
		    "Date: d\nMessage-Id: i\nFrom: f\n\ntext\n" },
		{ "DATE:\r\nSubject: s\r\n.\r\n", RECEIVED "DATE:\nSubject: s\n" ID FROM },
		{ "Bcc: a@b\r\nTo: x\r\n\r\nBcc: y\r\n.\r\n", RECEIVED "To: x\n" DATE ID FROM "\nBcc: y\n" },
		{ "bcc : a,\r\n b,\r\n\tc\r\nTo: x\r\n y\r\n\r\n.\r\n", RECEIVED "To: x\n y\n" DATE ID FROM "\n" },
		{ "To: x\r\nReturn-Path: <r@x>\r\n folded\r\n\r\n.\r\n", RECEIVED "To: x\n" DATE ID FROM "\n" },
		{ "Bcc: a\r\n.\r\n", RECEIVED DATE ID FROM },
		{ "Bcc: a\r\ntext\r\n.\r\n", RECEIVED DATE ID FROM "\ntext\n" },
		{ "Bccc: a\r\nX-Bcc: b\r\nResent-Bcc: c\r\n\r\n.\r\n", RECEIVED
		    "Bccc: a\nX-Bcc: b\n" DATE ID FROM "\n" },
		{ ".From: a\r\n\r\n.\r\n", RECEIVED "From: a\n" DATE ID "\n" },
		{ "..From: a\r\n\r\n.\r\n", RECEIVED ".From: a\n" DATE ID FROM "\n" },
		{ " folded\r\nFrom: a\r\n\r\n.\r\n", RECEIVED DATE ID FROM "\n folded\nFrom: a\n\n" },
		{ "From me Mon\r\nFrom: a\r\n\r\n.\r\n", RECEIVED DATE ID FROM "\nFrom me Mon\nFrom: a\n\n" },
		{ ": a\r\n\r\n.\r\n", RECEIVED DATE ID FROM "\n: a\n\n" },
		{ "From\xe9: a\r\n\r\n.\r\n", RECEIVED DATE ID FROM "\nFrom\xe9: a\n\n" },
		{ "From: \xe9\r\n\r\n\xff\r\n.\r\n", RECEIVED "From: \xe9\n" DATE ID "\n\xff\n" },
		{ "a:b\r\n \r\n\r\nx\r\n.\r\n", RECEIVED "a:b\n \n" DATE ID FROM "\nx\n" },
		{ "a: b\r\n\r\n..\r\n...\r\n.x\r\n. \r\n.\r\n", RECEIVED "a: b\n" DATE ID FROM "\n.\n..\nx\n \n" },
		/* A bare LF ends a line of the text and nothing else; a dot behind it is text. */
		{ "From: a\nBcc: v\n folded\nTo: x\n\nBcc: y\n.\n..\n.z\n\r\n.\r\n", RECEIVED "From: a\nTo: x\n" DATE ID
		    "\nBcc: y\n.\n..\n.z\n\n" },
		{ "Subject: a\nBcc: v@x\r\n\r\n.\r\n", RECEIVED "Subject: a\n" DATE ID FROM "\n" },
		{ "\nFrom: a\r\n.\r\n", RECEIVED DATE ID FROM "\nFrom: a\n" },
		{ "\n.\n.\r\n\r\n.\r\n", RECEIVED DATE ID FROM "\n.\n.\n\n" },
		{ "a: b\r\n\r\n.\nx\r\n.\ny\r\n..\r\n.\r\n", RECEIVED "a: b\n" DATE ID FROM "\n\nx\n\ny\n.\n" },
		{ "a: b\n.c: d\n..e: f\r\n.g: h\r\n.\r\n", RECEIVED "a: b\n.c: d\n..e: f\ng: h\n" DATE ID FROM },
		/* Nothing but CR, LF and a dot is special in a short line. */
		{ "a: b\r\n\r\nab\t\ncdefghijklmn\r\n\x01\nopqrstuvwxyz\n.\x0b\nopqrstuvwxyz\r\n.\r\n", RECEIVED
		    "a: b\n" DATE ID FROM "\nab\t\ncdefghijklmn\n\x01\nopqrstuvwxyz\n.\x0b\nopqrstuvwxyz\n" },
		{ "a: b\r\n\r\n12345678\r\n123456789\n12345678\n.1234567\r\n.12345678\r\n1234567\n.\n\r\n.\r\n",
		RECEIVED "a: b\n"
		    DATE ID FROM "\n12345678\n123456789\n12345678\n.1234567\n12345678\n1234567\n.\n\n" },
		{ ".\nx\r\n.\r\n", RECEIVED DATE ID FROM "\nx\n" },
		{ "From:\ta\r\n\r\n~.\r\nFrom x\r\n\x1a\r\n.\r\n", RECEIVED "From:\ta\n" DATE ID "\n~.\nFrom x\n\x1a\n" },
	};

	(void)state;
	for (size_t i = 0; i < LENGTH(rows); i++) {
		size_t length = strlen(rows[i].bytes);
		struct result wanted = { .spool = expected, .done = true, .consumed = length, .code = "" }, got;

		got = take(rows[i].bytes, length, SIZE_MAX / 2);
		wanted.size = got.size;
		wanted.length = strlen(rows[i].spool);
		memcpy(expected, rows[i].spool, wanted.length);
		same(&got, &wanted, rows[i].bytes, length, 0);
		check(rows[i].bytes, length);
	}
}

static size_t
repeat(char *to, const char *string, size_t count)
{
	size_t length = strlen(string);

	for (size_t i = 0; i < count; i++)
		memcpy(to + i * length, string, length);
	return count * length;
}

static char large[MOST];

static void
received_fields_are_counted(void **state)
{
	(void)state;
	for (size_t count = 98; count <= 102; count++) {
		size_t used = repeat(large, "Received: from a\r\n\tby b\r\n", count);

		used += repeat(large + used, "\r\nReceived: in the body\r\n.\r\n", 1);
		check(large, used);
		assert_string_equal(take(large, used, 1000).code, count >= 100 ? LOOP : "");
	}
}

static void
lines_of_any_length(void **state)
{
	static const size_t lengths[] = { 78, 997, 998, 999, 1000, 1001, 1002, 2048, 4096, 65535, 65536, 131071, 131072,
	    131073, 262144, 300000 };
	static const char *const fronts[] = { "", ".", "Subject: s\r\n\r\n", "Subject: s\r\n\r\n.", "Subject: ", "Bcc: " };

	(void)state;
	config.max_size = 290000;
	for (size_t i = 0; i < LENGTH(lengths); i++)
		for (size_t k = 0; k < LENGTH(fronts); k++)
			for (int byte = 0; byte < 3; byte++) {
				size_t used = repeat(large, fronts[k], 1);

				if (SHARE > 1 && (i + k + (size_t)byte) % 8 != 0)
					continue;

				memset(large + used, "a. "[byte], lengths[i]);
				used += lengths[i];
				used += repeat(large + used, i % 2 == 0 ? "\r\n.\r\n" : ":\r\n.\r\n", 1);
				check(large, used);
			}
	config.max_size = 1 << 16;
}

static void
size_is_what_the_client_counts(void **state)
{
	(void)state;
	for (size_t length = 65534; length <= 65538; length++)
		for (int smuggled = 0; smuggled < 2; smuggled++) {
			size_t used = repeat(large, "..\r\n", 10);	/* 30 bytes */

			memset(large + used, 'x', length - 32);
			used += length - 32;
			if (smuggled)	/* nothing but CRLF.CRLF ends it after the limit either */
				used += repeat(large + used, "\n.\nHELP\r\n", 1);
			used += repeat(large + used, "\r\n.\r\nQUIT\r\n", 1);
			check(large, used);
			assert_string_equal(take(large, used, 5000).code, length + smuggled * 8 > 65536 ? TOO_BIG : "");
		}
	/* No limit. */
	config.max_size = UINT64_MAX;
	check(large, repeat(large, "0123456789 12345678901234567890\r\n", 10000) + repeat(large + 330000, ".\r\n", 1));
	check(large, repeat(large, "0123456789 12345678901234567890\n", 10000) + repeat(large + 320000, "\r\n.\r\n", 1));
	config.max_size = 1 << 16;
}

static void
random_messages(void **state)
{
	static const char *const pieces[] = { "\r\n", "\r\n", "\r\n", "\r\n\r\n", ".", ".", "\r", "\n", "\n", "..", "\r\n.", "\n.", "\n\n", "x\n",
	    "\r\n.\r\n", " ", "\t", ":", ": ", "x", "Subject: s\r\n", "Bcc: b\r\n", "Bcc:", "Date: d\r\n", "From", "from: f\r\n",
	    "Message-ID:", "Return-Path: <>\r\n", "Received: r\r\n", "Bcc: b\n", "Resent-bcc: b\r\n", " folded\r\n", "\tfolded\r\n", "\x80", "\xff", "text\r\n",
	    "a line of text that is somewhat longer than sixteen bytes", "\r\n\r\nbody\r\n", "bcc ", "Bcc\t:" };

	(void)state;
	for (int round = 0; round < 4000 / SHARE; round++) {
		/* Every other message has nothing wrong in it, so that its text is compared too. */
		bool sane = round % 2 == 0;
		size_t used = 0;

		for (unsigned i = noise_below(25) + 1; i > 0; i--) {
			const char *piece = pieces[noise_below(LENGTH(pieces))];

			if (!(sane && strcmp(piece, "\r") == 0))
				used += repeat(large + used, piece, 1);
			if (!sane && noise_below(100) == 0)
				large[used++] = '\0';
		}
		if (noise_below(8) != 0)
			used += repeat(large + used, "\r\n.\r\n", 1);
		check(large, used);
	}
}

static void
received_field_is_clean(void **state)
{
	const struct header_origin hostile = {
		.config = &config, .from = "x\r\nBcc: y\x80(", .host = "", .address = "2001:db8::1", .with = "ESMTPA",
		.tls = "", .id = "ID", .number = 2, .sender = "a@b",
	}, unknown = { .config = &config, .from = "h", .host = "", .address = "", .with = "ESMTPA", .tls = "", .id = "ID",
		.number = 1, .sender = "a@b" };
	int spool = memfd_create("spool", 0);
	char array[500] = "";

	(void)state;
	data_start(&data, &hostile, spool);
	assert_int_equal(data_take(&data, ".\r\n", 3), 3);
	assert_null(data_finish(&data));
	assert_true(pread(spool, array, sizeof array - 1, 0) > 0);
	assert_string_equal(array, "Received: from x??Bcc??y?? ([IPv6:2001:db8::1])\n\tby mail.example with ESMTPA\n"
	    "\tid ID; Sat, 21 Nov 2026 03:36:34 +0000\n" DATE "Message-ID: <ID.2@mail.example>\nFrom: <a@b>\n");
	assert_int_equal(ftruncate(spool, 0), 0);
	assert_int_equal(lseek(spool, 0, SEEK_SET), 0);
	data_start(&data, &unknown, spool);
	data_take(&data, ".\r\n", 3);
	assert_null(data_finish(&data));
	memset(array, 0, sizeof array);
	assert_true(pread(spool, array, sizeof array - 1, 0) > 0);
	assert_memory_equal(array, "Received: from h (unknown)\n", 27);
	close(spool);
}

static char asked[300];

static const struct reply *
sender_fault(const char *address)
{
	strcat(strcat(asked, address == NULL ? "?" : address), " ");
	return NULL;
}

/* Each byte of a field goes to the sender rule once, however it comes. */
static void
the_sender_rule_sees_the_header(void **state)
{
	static const char text[] = "From: Bob\r\n <bob@x.example>, ann@x.example\r\n"
	    "Sender:eve@x\n\r\nFrom: z@x\r\n.\r\n";
	struct header_origin ruled = origin;

	(void)state;
	ruled.sender_fault = sender_fault;
	for (size_t part = 1; part < sizeof text; part++) {
		int spool = memfd_create("spool", 0);
		size_t taken = 0;

		asked[0] = '\0';
		data_start(&data, &ruled, spool);
		for (size_t given = part; !data.done; given += part)
			taken += data_take(&data, text + taken,
			    (given < sizeof text - 1 ? given : sizeof text - 1) - taken);
		assert_null(data_finish(&data));
		assert_string_equal(asked, "bob@x.example ann@x.example eve@x ");
		close(spool);
	}
}

static void
full_spool_is_temporary(void **state)
{
	const struct reply *reply;
	int spool = open("/dev/full", O_WRONLY);

	(void)state;
	assert_true(spool >= 0);
	data_start(&data, &origin, spool);
	data_take(&data, "x\r\n.\r\n", 6);
	reply = data_finish(&data);
	assert_non_null(reply);
	assert_int_equal(reply->code, 452);
	assert_string_equal(reply->enhanced, "4.3.1");
	assert_string_equal(reply->text, "Message could not be stored, try again later");
	/* And nothing is written behind a gap: a spool that fails once has failed. */
	config.max_size = UINT64_MAX;
	data_start(&data, &origin, spool);
	memset(spooled, 'x', LINE_IN_SIZE);
	assert_int_equal(data_take(&data, spooled, LINE_IN_SIZE), LINE_IN_SIZE);
	assert_int_equal(data_take(&data, spooled, LINE_IN_SIZE), LINE_IN_SIZE);
	assert_true(data.out_used <= sizeof data.out);
	assert_true(data.spool_failed);
	close(spool);
	data.spool = memfd_create("spool", 0);
	assert_int_equal(data_take(&data, "\r\n.\r\n", 5), 5);
	assert_int_equal(data_finish(&data)->code, 452);
	assert_int_equal(lseek(data.spool, 0, SEEK_END), 0);
	close(data.spool);
	config.max_size = 1 << 16;
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(end_marks_and_none),
		cmocka_unit_test(headers_by_hand),
		cmocka_unit_test(received_fields_are_counted),
		cmocka_unit_test(lines_of_any_length),
		cmocka_unit_test(size_is_what_the_client_counts),
		cmocka_unit_test(random_messages),
		cmocka_unit_test(received_field_is_clean),
		cmocka_unit_test(the_sender_rule_sees_the_header),
		cmocka_unit_test(full_spool_is_temporary),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
