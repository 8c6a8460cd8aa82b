/* The state of the shim: which files are ours, what has not reached the disk for certain, and how to take it back. */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <limits.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>

enum mode { KILL, POWER, FULL };
enum kind { BYTES, CREATED, REMOVED, RENAMED, MADE_DIRECTORY, REMOVED_DIRECTORY };

/* A file that was opened for writing. The shim's own descriptor keeps its inode number from being used again. */
struct file {
	dev_t device;
	ino_t inode;
	int fd;
	struct file *next;
};

/* How to take back one operation that is not on disk for certain; the newest comes first. */
struct undo {
	enum kind kind;
	struct file *file; /* BYTES */
	off_t at, old_size;
	char *bytes; /* BYTES: what stood at `at`. REMOVED, RENAMED: what the name held before, or null. */
	size_t length;
	mode_t permissions;
	char path[PATH_MAX];
	char new_path[PATH_MAX]; /* RENAMED */
	int old_is_safe, new_is_safe;
	struct undo *next;
};

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_once_t once = PTHREAD_ONCE_INIT;
static char directory[PATH_MAX];
static size_t directory_length;
static unsigned long crash_at, count;
static enum mode mode;
static char *count_page;
static int log_fd = -1;
static int lies;
static struct file *files;
static struct undo *undos;

/* The real calls, without passing through the functions below. */
#define REAL(name, ...) syscall(SYS_##name, __VA_ARGS__)

static void start(void)
{
	const char *below = getenv("ALLY_CRASH_DIR"), *text;
	if (!below || !realpath(below, directory)) {
		return;
	}
	if ((text = getenv("ALLY_CRASH_AT"))) {
		crash_at = strtoul(text, NULL, 10);
	}
	if ((text = getenv("ALLY_CRASH_MODE"))) {
		mode = !strcmp(text, "power") ? POWER : !strcmp(text, "full") ? FULL : KILL;
	}
	lies = getenv("ALLY_CRASH_LIES") != NULL;
	if ((text = getenv("ALLY_CRASH_COUNT_FILE"))) {
		int fd = REAL(openat, AT_FDCWD, text, O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
		if (fd >= 0 && REAL(ftruncate, fd, 21) == 0) {
			void *page = mmap(NULL, 21, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
			count_page = page == MAP_FAILED ? NULL : page;
		}
		if (fd >= 0) {
			REAL(close, fd);
		}
		if (count_page) {
			memcpy(count_page, "00000000000000000000\n", 21);
		}
	}
	if ((text = getenv("ALLY_CRASH_LOG_FILE"))) {
		log_fd = REAL(openat, AT_FDCWD, text, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
	}
	directory_length = strlen(directory);
}

/* ---- which file is meant ---- */

static int is_shm(const char *path)
{
	size_t length = strlen(path);
	return length >= 4 && !strcmp(path + length - 4, "-shm");
}

static int is_below(const char *path)
{
	return directory_length && !strncmp(path, directory, directory_length) && path[directory_length] == '/';
}

/* The full path of a name whose folder exists; false if it is none of ours. */
static int find_path(int at, const char *path, char *full)
{
	char given[PATH_MAX + 1], folder[PATH_MAX], link[32];
	pthread_once(&once, start);
	if (!directory_length || !path || strlen(path) >= PATH_MAX) {
		return 0;
	}
	if (path[0] == '/' || at == AT_FDCWD) {
		strcpy(given, path);
	} else {
		snprintf(link, sizeof link, "/proc/self/fd/%d", at);
		ssize_t length = readlink(link, given, PATH_MAX / 2);
		if (length < 0 || length + strlen(path) + 2 > PATH_MAX) {
			return 0;
		}
		given[length] = '/';
		strcpy(given + length + 1, path);
	}
	for (size_t end = strlen(given); end > 1 && given[end - 1] == '/'; end--) {
		given[end - 1] = 0;
	}
	char *name = strrchr(given, '/');
	if (name) {
		*name++ = 0;
	} else {
		name = given;
	}
	if (!realpath(name == given ? "." : given[0] ? given : "/", folder)) {
		return 0;
	}
	if (snprintf(full, PATH_MAX, "%s/%s", strcmp(folder, "/") ? folder : "", name) >= PATH_MAX) {
		return 0;
	}
	return is_below(full) && !is_shm(full);
}

static struct file *find_file(dev_t device, ino_t inode)
{
	for (struct file *file = files; file; file = file->next) {
		if (file->device == device && file->inode == inode) {
			return file;
		}
	}
	return NULL;
}

/* The file behind a descriptor of the program, if it is one of ours. */
static struct file *file_of(int fd)
{
	struct stat stat;
	pthread_once(&once, start);
	return directory_length && fstat(fd, &stat) == 0 ? find_file(stat.st_dev, stat.st_ino) : NULL;
}

static void track(const char *path)
{
	struct stat stat;
	int fd = REAL(openat, AT_FDCWD, path, O_RDWR | O_CLOEXEC | O_NOFOLLOW, 0);
	if (fd < 0 || fstat(fd, &stat) != 0 || !S_ISREG(stat.st_mode) || find_file(stat.st_dev, stat.st_ino)) {
		if (fd >= 0) {
			REAL(close, fd);
		}
		return;
	}
	struct file *file = calloc(1, sizeof *file);
	*file = (struct file){stat.st_dev, stat.st_ino, fd, files};
	files = file;
}

/* ---- what to take back ---- */

static struct undo *note(enum kind kind, const char *path)
{
	struct undo *undo = calloc(1, sizeof *undo);
	undo->kind = kind;
	strcpy(undo->path, path);
	undo->next = undos;
	return undos = undo;
}

static char *read_all(int fd, off_t at, size_t length)
{
	char *bytes = calloc(1, length + 1);
	for (size_t done = 0; done < length;) {
		ssize_t now = REAL(pread64, fd, bytes + done, length - done, at + (off_t)done);
		if (now <= 0) {
			break;
		}
		done += (size_t)now;
	}
	return bytes;
}

static void write_all(int fd, const char *bytes, off_t at, size_t length)
{
	for (size_t done = 0; done < length;) {
		ssize_t now = REAL(pwrite64, fd, bytes + done, length - done, at + (off_t)done);
		if (now <= 0) {
			return;
		}
		done += (size_t)now;
	}
}

/* Remembers what stands in a part of a file, and its size, before they change. */
static void note_bytes(struct file *file, off_t at, size_t length)
{
	struct stat stat;
	if (mode != POWER || fstat(file->fd, &stat) != 0) {
		return;
	}
	struct undo *undo = note(BYTES, "");
	undo->file = file;
	undo->at = at;
	undo->old_size = stat.st_size;
	if (at < stat.st_size) {
		size_t there = (size_t)(stat.st_size - at);
		undo->length = length < there ? length : there;
		undo->bytes = read_all(file->fd, at, undo->length);
	}
}

/* Remembers what a name will hold after a power failure, before the name is taken away. */
static void note_image(struct undo *undo, const char *path)
{
	struct stat stat;
	int fd = REAL(openat, AT_FDCWD, path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW, 0);
	if (fd < 0) {
		return;
	}
	if (fstat(fd, &stat) == 0 && S_ISREG(stat.st_mode)) {
		size_t length = (size_t)stat.st_size;
		char *bytes = read_all(fd, 0, length);
		struct file *file = find_file(stat.st_dev, stat.st_ino);
		for (struct undo *old = undos; old && file; old = old->next) {
			if (old->kind != BYTES || old->file != file) {
				continue;
			}
			size_t size = (size_t)old->old_size;
			bytes = realloc(bytes, (size > length ? size : length) + 1);
			if (size > length) {
				memset(bytes + length, 0, size - length);
			}
			if (old->bytes) {
				memcpy(bytes + old->at, old->bytes, old->length);
			}
			length = size;
		}
		undo->bytes = bytes;
		undo->length = length;
		undo->permissions = stat.st_mode & 07777;
	}
	REAL(close, fd);
}

static void forget(struct undo **place)
{
	struct undo *undo = *place;
	*place = undo->next;
	free(undo->bytes);
	free(undo);
}

static void bytes_are_safe(const struct file *file)
{
	for (struct undo **place = &undos; *place;) {
		if ((*place)->kind == BYTES && (*place)->file == file) {
			forget(place);
		} else {
			place = &(*place)->next;
		}
	}
}

static int is_in(const char *path, const char *folder)
{
	size_t length = strlen(folder);
	return !strncmp(path, folder, length) && path[length] == '/' && !strchr(path + length + 1, '/');
}

static void names_are_safe(const char *folder)
{
	for (struct undo **place = &undos; *place;) {
		struct undo *undo = *place;
		if (undo->kind != BYTES) {
			undo->old_is_safe |= is_in(undo->path, folder);
			undo->new_is_safe |= undo->kind != RENAMED || is_in(undo->new_path, folder);
		}
		if (undo->old_is_safe && undo->new_is_safe) {
			forget(place);
		} else {
			place = &undo->next;
		}
	}
}

/* ---- the end ---- */

static int remove_one(const char *path, const struct stat *stat, int type, struct FTW *walk)
{
	(void)stat, (void)walk;
	REAL(unlinkat, AT_FDCWD, path, type == FTW_DP ? AT_REMOVEDIR : 0);
	return 0;
}

static int remove_shm(const char *path, const struct stat *stat, int type, struct FTW *walk)
{
	(void)stat, (void)walk;
	if (type == FTW_F && is_shm(path)) {
		REAL(unlinkat, AT_FDCWD, path, 0);
	}
	return 0;
}

static void put_back(const struct undo *undo, const char *path)
{
	if (undo->bytes) {
		int fd = REAL(openat, AT_FDCWD, path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, undo->permissions);
		write_all(fd, undo->bytes, 0, undo->length);
		REAL(close, fd);
	}
}

static void lose_power(void)
{
	for (const struct undo *undo = undos; undo; undo = undo->next) {
		switch (undo->kind) {
		case BYTES:
			write_all(undo->file->fd, undo->bytes, undo->at, undo->length);
			REAL(ftruncate, undo->file->fd, undo->old_size);
			break;
		case CREATED:
			REAL(unlinkat, AT_FDCWD, undo->path, 0);
			break;
		case REMOVED:
			put_back(undo, undo->path);
			break;
		case RENAMED:
			REAL(renameat2, AT_FDCWD, undo->new_path, AT_FDCWD, undo->path, 0);
			put_back(undo, undo->new_path);
			break;
		case MADE_DIRECTORY:
			nftw(undo->path, remove_one, 16, FTW_DEPTH | FTW_PHYS);
			break;
		case REMOVED_DIRECTORY:
			REAL(mkdirat, AT_FDCWD, undo->path, undo->permissions);
			break;
		}
	}
	nftw(directory, remove_shm, 16, FTW_PHYS);
}

/* Counts one operation, and ends here if it is the chosen one. True if the disk is full from here on. The lock is held. */
static int count_one(const char *what, const char *path, size_t length)
{
	char line[PATH_MAX + 64];
	count++;
	if (count_page) {
		snprintf(line, sizeof line, "%020lu", count);
		memcpy(count_page, line, 20);
	}
	if (log_fd >= 0) {
		const char *shown = is_below(path) ? path + directory_length + 1 : path;
		int size = snprintf(line, sizeof line, "%lu %s %s %zu\n", count, what, shown, length);
		REAL(write, log_fd, line, size);
	}
	if (!crash_at || count < crash_at) {
		return 0;
	}
	if (mode == FULL) {
		return 1;
	}
	if (mode == POWER) {
		lose_power();
	}
	REAL(exit_group, 137);
	return 0;
}

/* The name of a descriptor's file, for the log and for directories. */
static const char *name_of(int fd, char *path)
{
	char link[32];
	snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
	ssize_t length = readlink(link, path, PATH_MAX - 1);
	path[length < 0 ? 0 : length] = 0;
	return path;
}

static long no_space(void)
{
	pthread_mutex_unlock(&lock);
	errno = ENOSPC;
	return -1;
}

static long done(long result)
{
	int kept = errno;
	pthread_mutex_unlock(&lock);
	errno = kept;
	return result;
}
