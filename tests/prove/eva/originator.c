/* links: session/originator base/address base/text */
/* options: -eva-slevel 0 */
/* The body of a From or Sender field: any bytes, as many as there are. */
#include "__fc_builtin.h"

#include "session/originator.h"

static struct originator originator;

int
main(void)
{
	/*@ widen_hints global:"all", 62, 63, 254, 255, 260, 261; */
	originator_start(&originator);
	while (Frama_C_interval(0, 1))
		originator_take(&originator, (char)Frama_C_interval(-128, 127));
	return originator_end(&originator);
}
