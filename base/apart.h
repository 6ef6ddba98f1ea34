/* Which variables lie apart from the others. */
#ifndef APART_H
#define APART_H

/*
 * A page that is written is a page fault, and memory that each session has to itself, twice after the fork. So the
 * small variables lie together (.bss, few pages), and after them (apart.ld) what would stand between them: large
 * arrays, of which a session touches little, and what only one of the two processes writes. Last comes what most
 * sessions never touch.
 */
#ifdef __SANITIZE_ADDRESS__	/* gcc's sanitizer watches nothing that has a section of its own */
#define APART
#define SELDOM
#else
#define APART __attribute__((section(".bss.apart")))
#define SELDOM __attribute__((section(".bss.seldom")))
#endif

#endif
