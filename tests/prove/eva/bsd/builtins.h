/* The compiler's own functions that Frama-C does not know. */
/*@ assigns *product, \result \from one, other; */
int __builtin_mul_overflow(unsigned long one, unsigned long other, unsigned long *product);

/*@ assigns *sum, \result \from one, other; */
int __builtin_add_overflow(unsigned long one, unsigned long other, unsigned long *sum);
