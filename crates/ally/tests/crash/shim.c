/* Stops a process at a chosen disk operation, as a kill or as a power failure would, or fills the disk there.
 *
 *   cc -shared -fPIC -O1 -o shim.so shim.c -lpthread
 *   LD_PRELOAD=/path/shim.so ALLY_CRASH_DIR=/data ALLY_CRASH_AT=17 ALLY_CRASH_MODE=power ally assistant …
 *
 * ALLY_CRASH_DIR         Only files below this directory count. Without it the shim does nothing.
 * ALLY_CRASH_AT          The operation, counted from 1, before which it happens. Without it, or 0: only count.
 * ALLY_CRASH_MODE        kill (default): the process ends with status 137; what was written stays.
 *                        power: the same, and first everything is undone that no fsync had made safe: bytes and sizes
 *                        not covered by fsync or fdatasync of their file, and names created, renamed or removed
 *                        without fsync of their directory. Files that end in -shm are deleted.
 *                        full: this operation and all later ones that need space fail with ENOSPC.
 * ALLY_CRASH_LIES        Syncs of files that end in -wal do nothing: what synchronous=NORMAL does to each commit, without
 *                        a setting in the product. The sweep must then find losses, or it sees nothing at all.
 * ALLY_CRASH_COUNT_FILE  Holds the number of operations so far, as 20 digits and a line end; always current, also
 *                        after a kill from outside.
 * ALLY_CRASH_LOG_FILE    Gets one line for each operation, to see what a number means.
 *
 * An operation is: creating or truncating a file by open, write, pwrite, pwritev, writev, truncate, fallocate, rename,
 * unlink, mkdir, rmdir, fsync and fdatasync of a file or a directory. Files that end in -shm do not count: SQLite maps
 * them into memory, they are rebuilt from the log.
 *
 * What it does not see: static programs, raw system calls (rustix does those), files mapped for writing (SQLite's
 * mmap_size must be 0), io_uring, and files opened inside the C library (fopen). Power failure is the strictest reading
 * of POSIX, nothing unsynced survives; that a part of it survives, or a torn page, is not tried.
 */
#include "undo.h"

static int open_file(int at, const char *path, int flags, mode_t permissions)
{
	char full[PATH_MAX];
	struct stat stat;
	int writes = (flags & O_ACCMODE) != O_RDONLY;
	if ((!writes && !(flags & O_CREAT)) || (flags & O_PATH) || !find_path(at, path, full)) {
		return (int)REAL(openat, at, path, flags, permissions);
	}
	pthread_mutex_lock(&lock);
	int is_there = lstat(full, &stat) == 0;
	if (!is_there && (flags & O_CREAT)) {
		if (count_one("create", full, 0)) {
			return (int)no_space();
		}
		int fd = (int)REAL(openat, at, path, flags, permissions);
		if (fd >= 0 && mode == POWER) {
			int kept = errno;
			note(CREATED, full);
			errno = kept;
		}
		track(full);
		return (int)done(fd);
	}
	if (is_there && S_ISREG(stat.st_mode)) {
		track(full);
		if ((flags & O_TRUNC) && !(flags & O_EXCL)) {
			count_one("truncate", full, 0);
			struct file *file = find_file(stat.st_dev, stat.st_ino);
			if (file) {
				note_bytes(file, 0, (size_t)stat.st_size);
			}
		}
	}
	return (int)done(REAL(openat, at, path, flags, permissions));
}

#define OPEN(name, parameters, at)                                                                                     \
	int name parameters                                                                                                \
	{                                                                                                                  \
		mode_t permissions = 0;                                                                                        \
		if ((flags & O_CREAT) || (flags & O_TMPFILE) == O_TMPFILE) {                                                   \
			va_list rest;                                                                                              \
			va_start(rest, flags);                                                                                     \
			permissions = va_arg(rest, mode_t);                                                                        \
			va_end(rest);                                                                                              \
		}                                                                                                              \
		return open_file(at, path, flags, permissions);                                                                \
	}
OPEN(open, (const char *path, int flags, ...), AT_FDCWD)
OPEN(open64, (const char *path, int flags, ...), AT_FDCWD)
OPEN(openat, (int at, const char *path, int flags, ...), at)
OPEN(openat64, (int at, const char *path, int flags, ...), at)

int creat(const char *path, mode_t permissions)
{
	return open_file(AT_FDCWD, path, O_WRONLY | O_CREAT | O_TRUNC, permissions);
}

/* Counts a write and remembers what it covers; `at` below 0 means the position of the descriptor. */
static int before_write(struct file *file, int fd, const char *what, off_t at, size_t length)
{
	char path[PATH_MAX];
	struct stat stat;
	int shrinks = length == SSIZE_MAX && fstat(fd, &stat) == 0 && at <= stat.st_size;
	if (count_one(what, name_of(fd, path), length == SSIZE_MAX ? 0 : length) && !shrinks) {
		return 0;
	}
	if (at < 0) {
		int appends = (int)REAL(fcntl, fd, F_GETFL, 0) & O_APPEND;
		at = appends && fstat(fd, &stat) == 0 ? stat.st_size : (off_t)REAL(lseek, fd, 0, SEEK_CUR);
	}
	note_bytes(file, at, length);
	return 1;
}

static size_t sum(const struct iovec *parts, int number)
{
	size_t length = 0;
	for (int i = 0; i < number; i++) {
		length += parts[i].iov_len;
	}
	return length;
}

#define WRITE(type, name, parameters, at, length, call)                                                                \
	type name parameters                                                                                               \
	{                                                                                                                  \
		struct file *file;                                                                                             \
		pthread_mutex_lock(&lock);                                                                                     \
		if (!(file = file_of(fd))) {                                                                                   \
			pthread_mutex_unlock(&lock);                                                                               \
			return (type)call;                                                                                         \
		}                                                                                                              \
		return (type)(before_write(file, fd, #name, at, length) ? done(call) : no_space());                            \
	}
WRITE(ssize_t, write, (int fd, const void *bytes, size_t length), -1, length, REAL(write, fd, bytes, length))
WRITE(ssize_t, pwrite, (int fd, const void *bytes, size_t length, off_t at), at, length, REAL(pwrite64, fd, bytes, length, at))
WRITE(ssize_t, pwrite64, (int fd, const void *bytes, size_t length, off_t at), at, length, REAL(pwrite64, fd, bytes, length, at))
WRITE(ssize_t, writev, (int fd, const struct iovec *parts, int number), -1, sum(parts, number), REAL(writev, fd, parts, number))
WRITE(ssize_t, pwritev, (int fd, const struct iovec *parts, int number, off_t at), at, sum(parts, number), REAL(pwritev, fd, parts, number, at, 0))
WRITE(ssize_t, pwritev64, (int fd, const struct iovec *parts, int number, off_t at), at, sum(parts, number), REAL(pwritev, fd, parts, number, at, 0))
/* Everything behind the new end is remembered; there is nothing there if the file grows. */
WRITE(int, ftruncate, (int fd, off_t size), size, SSIZE_MAX, REAL(ftruncate, fd, size))
WRITE(int, ftruncate64, (int fd, off_t size), size, SSIZE_MAX, REAL(ftruncate, fd, size))
WRITE(int, fallocate, (int fd, int how, off_t at, off_t length), at, (size_t)length, REAL(fallocate, fd, how, at, length))
WRITE(int, fallocate64, (int fd, int how, off_t at, off_t length), at, (size_t)length, REAL(fallocate, fd, how, at, length))

int posix_fallocate(int fd, off_t at, off_t length)
{
	return fallocate(fd, 0, at, length) == 0 ? 0 : errno;
}

int posix_fallocate64(int fd, off_t at, off_t length)
{
	return posix_fallocate(fd, at, length);
}

/* Copying inside the kernel would pass by the counts; the caller falls back to reading and writing. */
ssize_t copy_file_range(int from, off_t *from_at, int to, off_t *to_at, size_t length, unsigned flags)
{
	if (file_of(to)) {
		errno = ENOSYS;
		return -1;
	}
	return REAL(copy_file_range, from, from_at, to, to_at, length, flags);
}

ssize_t sendfile(int to, int from, off_t *at, size_t length)
{
	if (file_of(to)) {
		errno = EINVAL;
		return -1;
	}
	return REAL(sendfile, to, from, at, length);
}

ssize_t sendfile64(int to, int from, off_t *at, size_t length)
{
	return sendfile(to, from, at, length);
}

/* SQLite's log of commits. */
static int is_log(const char *path)
{
	size_t length = strlen(path);
	return length > 4 && !strcmp(path + length - 4, "-wal");
}

#define SYNC(name)                                                                                                     \
	int name(int fd)                                                                                                   \
	{                                                                                                                  \
		char path[PATH_MAX];                                                                                           \
		struct stat stat;                                                                                              \
		pthread_mutex_lock(&lock);                                                                                     \
		struct file *file = file_of(fd);                                                                               \
		int is_directory = directory_length && fstat(fd, &stat) == 0 && S_ISDIR(stat.st_mode);                         \
		name_of(fd, path);                                                                                             \
		if (!file && !(is_directory && (is_below(path) || !strcmp(path, directory)))) {                                \
			pthread_mutex_unlock(&lock);                                                                               \
			return (int)REAL(name, fd);                                                                                \
		}                                                                                                              \
		count_one(#name, path, 0);                                                                                     \
		int result = (int)REAL(name, fd);                                                                              \
		if (result == 0 && !(lies && is_log(path))) {                                                                  \
			file ? bytes_are_safe(file) : names_are_safe(path);                                                        \
		}                                                                                                              \
		return (int)done(result);                                                                                      \
	}
SYNC(fsync)
SYNC(fdatasync)

int renameat2(int from_at, const char *from, int to_at, const char *to, unsigned flags)
{
	char old_path[PATH_MAX], new_path[PATH_MAX];
	struct stat stat;
	if (!find_path(from_at, from, old_path) || !find_path(to_at, to, new_path) || lstat(old_path, &stat) != 0) {
		return (int)REAL(renameat2, from_at, from, to_at, to, flags);
	}
	pthread_mutex_lock(&lock);
	count_one("rename", new_path, 0);
	struct undo *undo = NULL;
	if (mode == POWER) {
		undo = note(RENAMED, old_path);
		strcpy(undo->new_path, new_path);
		note_image(undo, new_path);
	}
	int result = (int)REAL(renameat2, from_at, from, to_at, to, flags);
	if (result != 0 && undo) {
		int kept = errno;
		forget(&undos);
		errno = kept;
	}
	return (int)done(result);
}

int rename(const char *from, const char *to)
{
	return renameat2(AT_FDCWD, from, AT_FDCWD, to, 0);
}

int renameat(int from_at, const char *from, int to_at, const char *to)
{
	return renameat2(from_at, from, to_at, to, 0);
}

int unlinkat(int at, const char *path, int flags)
{
	char full[PATH_MAX];
	struct stat stat;
	if (!find_path(at, path, full) || lstat(full, &stat) != 0) {
		return (int)REAL(unlinkat, at, path, flags);
	}
	pthread_mutex_lock(&lock);
	count_one(flags & AT_REMOVEDIR ? "rmdir" : "unlink", full, 0);
	if (mode == POWER) {
		struct undo *undo = note(flags & AT_REMOVEDIR ? REMOVED_DIRECTORY : REMOVED, full);
		undo->permissions = stat.st_mode & 07777;
		note_image(undo, full);
	}
	int result = (int)REAL(unlinkat, at, path, flags);
	if (result != 0 && mode == POWER) {
		int kept = errno;
		forget(&undos);
		errno = kept;
	}
	return (int)done(result);
}

int unlink(const char *path)
{
	return unlinkat(AT_FDCWD, path, 0);
}

int rmdir(const char *path)
{
	return unlinkat(AT_FDCWD, path, AT_REMOVEDIR);
}

int mkdirat(int at, const char *path, mode_t permissions)
{
	char full[PATH_MAX];
	struct stat stat;
	if (!find_path(at, path, full) || lstat(full, &stat) == 0) {
		return (int)REAL(mkdirat, at, path, permissions);
	}
	pthread_mutex_lock(&lock);
	if (count_one("mkdir", full, 0)) {
		return (int)no_space();
	}
	int result = (int)REAL(mkdirat, at, path, permissions);
	if (result == 0 && mode == POWER) {
		note(MADE_DIRECTORY, full);
	}
	return (int)done(result);
}

int mkdir(const char *path, mode_t permissions)
{
	return mkdirat(AT_FDCWD, path, permissions);
}
