/* links: session/line ask */
/* Lines are the same however they come; each is free of CR, LF and NUL, and none is read that had no end. */
#include <fcntl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "fuzz.h"
#include "session/line.h"

const struct seed seeds[] = {
	SEED("EHLO x\r\nMAIL FROM:<a@b>\r\nQUIT\r\n"), SEED("NOOP\n"), SEED("NOOP\r\nRSET\rQUIT\r\n"), SEED("\x16\x03\x01\r\n"),
	SEED("\r\n\r\n\0\r\n"), { NULL, 0 }
};
const struct seed words[] = {
	SEED("\r\n"), SEED("\r"), SEED("\n"), SEED("\0"), SEED("x"), SEED("\x80"), SEED("\t"), SEED("\x01"),
	SEED("xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx"), { NULL, 0 }
};

#define SCRIPT 100	/* /dev/null, for poll(2); what is read from it stands below */
static struct {
	const char *bytes;
	size_t left, part;
} script;

ssize_t
read(int descriptor, void *bytes, size_t size)
{
	size_t more;

	if (descriptor != SCRIPT)
		return syscall(SYS_read, descriptor, bytes, size);
	more = fuzz_part(script.part, script.left < size ? script.left : size);
	memcpy(bytes, script.bytes, more);
	script.bytes += more;
	script.left -= more;
	return (ssize_t)more;
}

struct result {
	size_t lines, bytes;
	uint64_t sum;
	enum line_event end;
};

static struct result
read_lines(const char *bytes, size_t size, size_t part)
{
	static struct line line;
	struct result result = { 0 };
	char *string;
	size_t length;

	line_start(&line, SCRIPT, SCRIPT);
	line_set_patience(&line, 60000);
	line_set_deadline(&line, INT64_MAX);
	script.bytes = bytes;
	script.left = size;
	script.part = part;
	while ((result.end = line_read(&line, result.lines % 2 == 0, &string, &length)) == LINE_READ) {
		MUST(strlen(string) == length && length <= LINE_FLOOD && strpbrk(string, "\r\n") == NULL);
		MUST(memcmp(string, bytes + result.bytes, length) == 0);
		MUST(memcmp(bytes + result.bytes + length, "\r\n", 2) == 0);
		for (size_t i = 0; i < length; i++)
			result.sum = result.sum * 31 + (unsigned char)string[i];
		result.bytes += length + 2;
		result.lines++;
		line_wipe(string, length);
	}
	return result;
}

int
LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
	size_t parts[] = { 1, 3, 0, 0 };
	struct result whole, part;

	if (fcntl(SCRIPT, F_GETFD) < 0)
		MUST(dup2(open("/dev/null", O_RDONLY), SCRIPT) == SCRIPT);
	whole = read_lines((const char *)bytes, size, SIZE_MAX);
	for (size_t i = 0; i < sizeof parts / sizeof *parts; i++) {
		part = read_lines((const char *)bytes, size, parts[i]);
		MUST(part.lines == whole.lines && part.sum == whole.sum && part.end == whole.end && part.bytes == whole.bytes);
	}
	return 0;
}
