/* What Frama-C does not know of the compiler, of <netinet/in.h> and of <sys/socket.h>. */
#define IN6_IS_ADDR_V4MAPPED(six) (memcmp((six)->s6_addr, "\0\0\0\0\0\0\0\0\0\0\377\377", 12) == 0)
#define CMSG_LEN(length) (sizeof(struct cmsghdr) + (length))
#define CMSG_SPACE(length) ((CMSG_LEN(length) + 7) / 8 * 8)
#define CMSG_DATA(head) ((unsigned char *)((head) + 1))
#define CMSG_FIRSTHDR(message) \
	((message)->msg_controllen >= sizeof(struct cmsghdr) ? (struct cmsghdr *)(message)->msg_control : NULL)

/*@ assigns *product, \result \from one, other; */
int __builtin_mul_overflow(unsigned long one, unsigned long other, unsigned long *product);

/*@ assigns *sum, \result \from one, other; */
int __builtin_add_overflow(unsigned long one, unsigned long other, unsigned long *sum);
