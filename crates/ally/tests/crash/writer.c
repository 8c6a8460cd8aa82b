/* Makes one disk operation of each kind in a directory, in an order that the table in proof.rs knows. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static int must(int result)
{
	if (result < 0) {
		exit(errno);
	}
	return result;
}

int main(int count, char **arguments)
{
	if (count != 2 || chdir(arguments[1]) != 0) {
		return 2;
	}
	int folder = must(open(".", O_RDONLY | O_DIRECTORY));
	int shm = must(open("x-shm", O_RDWR | O_CREAT, 0600));
	must((int)write(shm, "shared", 6));

	int a = must(open("a", O_RDWR | O_CREAT, 0600)); /* 1 */
	must((int)write(a, "one", 3));                   /* 2 */
	must(fsync(a));                                  /* 3 */
	must(fsync(folder));                             /* 4 */
	must((int)pwrite(a, "TWO!", 4, 0));              /* 5 */

	int b = must(openat(folder, "b.tmp", O_WRONLY | O_CREAT | O_EXCL, 0600)); /* 6 */
	must((int)write(b, "bee", 3));                                            /* 7 */
	must(fdatasync(b));                                                       /* 8 */
	must(rename("b.tmp", "b"));                                               /* 9 */
	must(fsync(folder));                                                      /* 10 */
	must(unlink("a"));                                                        /* 11 */

	int again = must(open("b", O_WRONLY | O_TRUNC)); /* 12 */
	must((int)write(again, "new", 3));               /* 13 */
	must(fsync(again));                              /* 14 */

	must(mkdir("d", 0700));                                       /* 15 */
	int c = must(openat(folder, "d/c", O_WRONLY | O_CREAT, 0600)); /* 16 */
	must(ftruncate(c, 100));                                      /* 17 */
	must(fsync(folder));                                          /* 18 */
	must((int)write(again, "er", 2));                             /* 19 */
	return 0;
}
