/*
 * libcrypto's memory in this process.
 */
#ifndef CLI_HEAP_H
#define CLI_HEAP_H

/* Has libcrypto take its large blocks from huge pages, where the kernel has
 * them. Before any other call into libcrypto; too late, nothing changes. */
void cli_heap_init(void);

#endif
