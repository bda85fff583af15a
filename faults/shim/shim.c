/*
 * What a power cut and a wrong clock are to a process, by LD_PRELOAD.
 *
 * FAULTS_WRITES_PREFIX, FAULTS_WRITES_LOG: everything written to files whose paths begin so is also noted in a log, with what
 * stood there before, and so is every fsync of them. After a kill -9, shim.mjs takes back what was written since the last
 * fsync of its file: that is what a power cut leaves. `-shm` files are memory, and not looked at.
 *
 *   record   kind, path length, offset, size before, length, length of what stood there    6 × 8 bytes, little-endian
 *            path, what stood there, what was written
 *   kinds    1 write   2 change of size (to `offset`)   3 fsync   4 the name is gone (unlink, rename)
 *
 * The record is in the log before the write is made, so a kill between the two is none the worse.
 *
 * FAULTS_CLOCK: a file whose first eight bytes are seconds to add to the time of day. Other clocks go on as ever.
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <sys/uio.h>
#include <time.h>
#include <unistd.h>

enum { descriptors_max = 4096, path_max = 4096 };
enum { kind_write = 1, kind_size = 2, kind_sync = 3, kind_gone = 4 };

static const char *prefix;
static size_t prefix_length;
static int log_descriptor = -1;
static char *paths[descriptors_max]; /* of open files that are looked at */
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static const volatile int64_t *clock_offset;

#define real(result, name, parameters)                                                                                 \
  static result(*real_##name) parameters;                                                                              \
  if (!real_##name) real_##name = (result(*) parameters)dlsym(RTLD_NEXT, #name)

__attribute__((constructor)) static void begin(void) {
  const char *clock_file = getenv("FAULTS_CLOCK");
  if (clock_file) {
    int descriptor = (int)syscall(SYS_openat, AT_FDCWD, clock_file, O_RDONLY | O_CLOEXEC, 0);
    void *map = descriptor < 0 ? MAP_FAILED : mmap(NULL, 8, PROT_READ, MAP_SHARED, descriptor, 0);
    if (map != MAP_FAILED) clock_offset = map;
  }
  const char *log = getenv("FAULTS_WRITES_LOG");
  const char *wanted = getenv("FAULTS_WRITES_PREFIX");
  if (log && wanted) {
    log_descriptor = (int)syscall(SYS_openat, AT_FDCWD, log, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
    prefix_length = strlen(wanted);
    prefix = wanted;
  }
}

static int ends_in(const char *path, const char *ending) {
  size_t length = strlen(path), ending_length = strlen(ending);
  return length >= ending_length && strcmp(path + length - ending_length, ending) == 0;
}

static int is_watched(const char *path) {
  return prefix && strncmp(path, prefix, prefix_length) == 0 && !ends_in(path, "-shm") && !ends_in(path, "-lock");
}

static const char *path_of(int descriptor) {
  return descriptor >= 0 && descriptor < descriptors_max ? paths[descriptor] : NULL;
}

static void note(int kind, const char *path, int64_t offset, int64_t size, const void *before, size_t before_length,
                 const void *after, size_t length) {
  int64_t header[6] = {kind, (int64_t)strlen(path), offset, size, (int64_t)length, (int64_t)before_length};
  struct iovec parts[4] = {
      {header, sizeof header}, {(void *)path, strlen(path)}, {(void *)before, before_length}, {(void *)after, length}};
  size_t total = sizeof header + strlen(path) + before_length + length;
  if (syscall(SYS_writev, log_descriptor, parts, 4) != (long)total) abort(); /* Half a log would be a false witness. */
}

static int64_t size_of(int descriptor) {
  struct stat found;
  return fstat(descriptor, &found) == 0 ? (int64_t)found.st_size : 0;
}

static void note_write(int descriptor, const char *path, const void *bytes, size_t length, int64_t offset) {
  int64_t size = size_of(descriptor);
  size_t there = offset >= size ? 0 : (size_t)(size - offset) < length ? (size_t)(size - offset) : length;
  char *before = malloc(there + 1);
  ssize_t got = there == 0 ? 0 : syscall(SYS_pread64, descriptor, before, there, offset);
  if (got != (ssize_t)there) abort();
  note(kind_write, path, offset, size, before, there, bytes, length);
  free(before);
}

static void remember(int descriptor, const char *path) {
  if (descriptor < 0 || descriptor >= descriptors_max || !prefix) return;
  char whole[path_max];
  if (path[0] != '/') {
    if (!getcwd(whole, sizeof whole) || strlen(whole) + strlen(path) + 2 > sizeof whole) return;
    strcat(strcat(whole, "/"), path);
    path = whole;
  }
  pthread_mutex_lock(&lock);
  free(paths[descriptor]);
  paths[descriptor] = is_watched(path) ? strdup(path) : NULL;
  pthread_mutex_unlock(&lock);
}

static int opened(int folder, const char *path, int flags, mode_t mode) {
  if ((flags & O_TRUNC) && !(flags & O_EXCL) && is_watched(path)) {
    int before = (int)syscall(SYS_openat, folder, path, O_RDWR | O_CLOEXEC, 0);
    if (before >= 0) {
      remember(before, path);
      ftruncate(before, 0);
      close(before);
    }
  }
  if ((flags & O_ACCMODE) == O_WRONLY && is_watched(path)) flags = (flags & ~O_ACCMODE) | O_RDWR; /* See note_write. */
  int descriptor = (int)syscall(SYS_openat, folder, path, flags, mode);
  if (descriptor >= 0) remember(descriptor, path);
  return descriptor;
}

#define mode_of(flags)                                                                                                 \
  mode_t mode = 0;                                                                                                     \
  if ((flags) & (O_CREAT | O_TMPFILE)) {                                                                               \
    va_list more;                                                                                                      \
    va_start(more, flags);                                                                                             \
    mode = va_arg(more, mode_t);                                                                                       \
    va_end(more);                                                                                                      \
  }

int open(const char *path, int flags, ...) {
  mode_of(flags) return opened(AT_FDCWD, path, flags, mode);
}
int open64(const char *path, int flags, ...) {
  mode_of(flags) return opened(AT_FDCWD, path, flags | O_LARGEFILE, mode);
}
int openat(int folder, const char *path, int flags, ...) {
  mode_of(flags) return opened(folder, path, flags, mode);
}
int openat64(int folder, const char *path, int flags, ...) {
  mode_of(flags) return opened(folder, path, flags | O_LARGEFILE, mode);
}

int close(int descriptor) {
  if (path_of(descriptor)) {
    pthread_mutex_lock(&lock);
    free(paths[descriptor]);
    paths[descriptor] = NULL;
    pthread_mutex_unlock(&lock);
  }
  return (int)syscall(SYS_close, descriptor);
}

ssize_t pwrite(int descriptor, const void *bytes, size_t length, off_t offset) {
  const char *path = path_of(descriptor);
  if (!path) return syscall(SYS_pwrite64, descriptor, bytes, length, offset);
  pthread_mutex_lock(&lock);
  note_write(descriptor, path, bytes, length, offset);
  ssize_t written = syscall(SYS_pwrite64, descriptor, bytes, length, offset);
  pthread_mutex_unlock(&lock);
  return written;
}
ssize_t pwrite64(int descriptor, const void *bytes, size_t length, off64_t offset) {
  return pwrite(descriptor, bytes, length, offset);
}

ssize_t write(int descriptor, const void *bytes, size_t length) {
  const char *path = path_of(descriptor);
  if (!path) return syscall(SYS_write, descriptor, bytes, length);
  pthread_mutex_lock(&lock);
  int appends = fcntl(descriptor, F_GETFL) & O_APPEND;
  note_write(descriptor, path, bytes, length, appends ? size_of(descriptor) : lseek(descriptor, 0, SEEK_CUR));
  ssize_t written = syscall(SYS_write, descriptor, bytes, length);
  pthread_mutex_unlock(&lock);
  return written;
}

int ftruncate(int descriptor, off_t size) {
  const char *path = path_of(descriptor);
  if (!path) return (int)syscall(SYS_ftruncate, descriptor, size);
  pthread_mutex_lock(&lock);
  int64_t before = size_of(descriptor);
  if (size < before) { /* What is cut off, as a write of nothing over it. */
    size_t gone = (size_t)(before - size);
    char *bytes = malloc(gone);
    if (syscall(SYS_pread64, descriptor, bytes, gone, size) != (long)gone) abort();
    note(kind_size, path, size, before, bytes, gone, NULL, 0);
    free(bytes);
  } else {
    note(kind_size, path, size, before, NULL, 0, NULL, 0);
  }
  int result = (int)syscall(SYS_ftruncate, descriptor, size);
  pthread_mutex_unlock(&lock);
  return result;
}
int ftruncate64(int descriptor, off64_t size) { return ftruncate(descriptor, size); }

static int synced(int descriptor, long call) {
  const char *path = path_of(descriptor);
  if (!path) return (int)syscall(call, descriptor);
  pthread_mutex_lock(&lock);
  int result = (int)syscall(call, descriptor);
  if (result == 0) note(kind_sync, path, 0, 0, NULL, 0, NULL, 0);
  pthread_mutex_unlock(&lock);
  return result;
}
int fsync(int descriptor) { return synced(descriptor, SYS_fsync); }
int fdatasync(int descriptor) { return synced(descriptor, SYS_fdatasync); }

int unlink(const char *path) {
  int result = (int)syscall(SYS_unlink, path);
  if (result == 0 && is_watched(path)) note(kind_gone, path, 0, 0, NULL, 0, NULL, 0);
  return result;
}

int rename(const char *from, const char *to) {
  int result = (int)syscall(SYS_rename, from, to);
  if (result == 0 && is_watched(from)) note(kind_gone, from, 0, 0, NULL, 0, NULL, 0);
  if (result == 0 && is_watched(to)) note(kind_gone, to, 0, 0, NULL, 0, NULL, 0);
  return result;
}

int clock_gettime(clockid_t id, struct timespec *now) {
  real(int, clock_gettime, (clockid_t, struct timespec *));
  int result = real_clock_gettime(id, now);
  if (result == 0 && clock_offset && (id == CLOCK_REALTIME || id == CLOCK_REALTIME_COARSE)) now->tv_sec += *clock_offset;
  return result;
}

int gettimeofday(struct timeval *restrict now, void *restrict zone) {
  struct timespec precise;
  int result = clock_gettime(CLOCK_REALTIME, &precise);
  if (result == 0) *now = (struct timeval){precise.tv_sec, precise.tv_nsec / 1000};
  if (zone) memset(zone, 0, sizeof(struct timezone));
  return result;
}

time_t time(time_t *result) {
  struct timespec now;
  clock_gettime(CLOCK_REALTIME, &now);
  if (result) *result = now.tv_sec;
  return now.tv_sec;
}
