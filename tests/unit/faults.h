/*
 * System calls that fail when a test wants them to: a function that a unit defines itself replaces the C library's. The
 * n-th call from now on of the one that is named fails with an error; children inherit what is left of the count.
 *
 *   FAULTY(int, fchown, (int file, uid_t uid, gid_t gid), (file, uid, gid))	once, at file level
 *   fault("fchown", 1, EPERM);
 */
#ifndef FAULTS_H
#define FAULTS_H

#include <dlfcn.h>
#include <errno.h>
#include <stdarg.h>
#include <stdbool.h>
#include <string.h>
#include <sys/syscall.h>

static const char *fault_name = "";
static int fault_left, fault_error;

static const char *fault_next = "";	/* fails as soon as the other one has */

/* 0 for `error`: it does nothing, and says that it did. */
static inline void
fault(const char *name, int nth, int error)
{
	fault_name = name;
	fault_left = nth;
	fault_error = error;
}

/* True: the fault that was asked for has happened, or none was. */
static inline bool
fault_happened(void)
{
	bool happened = fault_left <= 0;

	fault_left = 0;
	return happened;
}

static inline bool
fault_is_due(const char *name)
{
	if (fault_left <= 0 || strcmp(name, fault_name) != 0 || --fault_left > 0)
		return false;
	if (*fault_next != '\0') {
		fault_name = fault_next;
		fault_next = "";
		fault_left = 1;
	}
	errno = fault_error;
	return true;
}

#define FAULTY_AS(type, said, name, parameters, arguments) \
	type name parameters; \
	type name parameters \
	{ \
		static type (*real) parameters; \
 \
		if (fault_is_due(#name)) \
			return fault_error == 0 ? 0 : said; \
		if (real == NULL) \
			*(void **)&real = dlsym(RTLD_NEXT, #name); \
		return real arguments; \
	}
#define FAULTY(type, name, parameters, arguments) FAULTY_AS(type, -1, name, parameters, arguments)

/* Calls that are made by their numbers. As many arguments as there may be: more than there are. */
#define FAULTY_NUMBERS \
	__attribute__((no_sanitize_address)) long \
	syscall(long number, ...) \
	{ \
		static long (*real)(long number, ...); \
		long values[6]; \
		va_list list; \
 \
		if ((number == SYS_pidfd_open && fault_is_due("pidfd_open")) || \
		    (number == SYS_timer_create && fault_is_due("timer_create"))) \
			return -1; \
		va_start(list, number); \
		for (int i = 0; i < 6; i++) \
			values[i] = va_arg(list, long); \
		va_end(list); \
		if (real == NULL) \
			*(void **)&real = dlsym(RTLD_NEXT, "syscall"); \
		return real(number, values[0], values[1], values[2], values[3], values[4], values[5]); \
	}

#endif
