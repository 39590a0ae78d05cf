/**
 * What glibc's allocator is told by the environment of a process (mallopt(3)); others pass it over.
 *
 * Whatever Node.js reads from a socket it first has 64 kB for, of which it gives back what was not filled. By itself
 * glibc then returns memory to the kernel and asks for it again all the time, and every page of it comes back as a page
 * fault. So it keeps some and asks for more at once; and what is large but not rare is not mapped and unmapped each time.
 */
export const ALLOCATOR = {
  /** Octets that are free at the end of a heap before they go back to the kernel; 128 kB by itself. */
  MALLOC_TRIM_THRESHOLD_: String(64 << 20),
  /** Octets that a heap grows by beyond what is needed; 128 kB by itself. */
  MALLOC_TOP_PAD_: String(16 << 20),
  /** Octets from which on a piece is mapped by itself; 128 kB by itself, and then fixed where another is given. */
  MALLOC_MMAP_THRESHOLD_: String(4 << 20),
} as const;
