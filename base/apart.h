/* Which variables lie apart from the others. */
#ifndef APART_H
#define APART_H

/*
 * A page that is written is memory of each session's own, behind a fork twice, and a page fault. So the small variables
 * lie together (.bss, few pages), and behind them (apart.ld) what would stand between them: large arrays, of which a
 * session touches little; and what one of the two processes alone writes.
 */
#ifdef __SANITIZE_ADDRESS__	/* gcc's watches nothing that has a section of its own */
#define APART
#else
#define APART __attribute__((section(".bss.apart")))
#endif

#endif
