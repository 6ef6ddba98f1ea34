/* What Frama-C does not know of the compiler and of <netinet/in.h>. */
#define IN6_IS_ADDR_V4MAPPED(six) (memcmp((six)->s6_addr, "\0\0\0\0\0\0\0\0\0\0\377\377", 12) == 0)

/*@ assigns *product, \result \from one, other; */
int __builtin_mul_overflow(unsigned long one, unsigned long other, unsigned long *product);

/*@ assigns *sum, \result \from one, other; */
int __builtin_add_overflow(unsigned long one, unsigned long other, unsigned long *sum);
