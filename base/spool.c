/* The file of one message: in memory, without a name, and sealed before anybody reads it. */
#include <errno.h>
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/spool.h"
#include "base/text.h"

#ifndef MFD_NOEXEC_SEAL
#define MFD_NOEXEC_SEAL 8U	/* Linux 6.3: nobody can run it as a program */
#endif

int
spool_make(void)
{
	int spool = memfd_create("spool", MFD_CLOEXEC | MFD_ALLOW_SEALING | MFD_NOEXEC_SEAL);

	if (spool < 0 && errno == EINVAL)
		spool = memfd_create("spool", MFD_CLOEXEC | MFD_ALLOW_SEALING);
	return spool;
}

bool
spool_seal(int *spool, uint64_t *size)
{
	char array[40];
	struct text path;
	struct stat status;
	int sealed;

	if (fcntl(*spool, F_ADD_SEALS, F_SEAL_WRITE | F_SEAL_GROW | F_SEAL_SHRINK | F_SEAL_SEAL) != 0 ||
	    fstat(*spool, &status) != 0)
		return false;
	*size = (uint64_t)status.st_size;
	text_start(&path, array, sizeof array);
	text_add(&path, "/proc/self/fd/");
	text_add_number(&path, (uint64_t)*spool);
	sealed = open(array, O_RDONLY | O_CLOEXEC);
	if (sealed < 0)
		return false;
	spool_close(spool);
	*spool = sealed;
	return true;
}

void
spool_close(int *spool)
{
	if (*spool >= 0)
		(void)close(*spool);	/* nobody will read what might be lost */
	*spool = -1;
}
