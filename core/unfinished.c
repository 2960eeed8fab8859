/*
 * Making, marking, emptying and clearing the folders that outputs are written in (unfinished.h).
 * Cost: one listing of the parent folder for each output.
 */
#include "core/unfinished.h"
#include "core/file.h"
#include "core/manifest.h"
#include "core/outdir.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

const char kin_mark_name[] = ".kin-unfinished";
static const char *const mark_head[] = {
    [KIN_MARK_UNFINISHED] = "kin unfinished ", [KIN_MARK_REPLACED] = "kin replaced "};
static const char alphabet[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789";
static const char parent_hint[] = "make the parent folder, or choose another path";
static const char own_manifest[] = "manifest.json";

enum {
    LETTERS = 6,
    MARK_BYTES = 512,
    OPEN_FOLDER = O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC
};

static bool is_dots(const char *name)
{
    return strcmp(name, ".") == 0 || strcmp(name, "..") == 0;
}

/* ---- marks ----------------------------------------------------------------------------------- */

/* Reads the mark of `folder` into `text`, with a NUL; its length, or -1 where there is none. Only a
 * plain file of the folder's owner is a mark, or one of this user, who may replace the folder of
 * another. */
static ssize_t read_mark(int folder, const char *entry, char *text /* [MARK_BYTES] */)
{
    struct stat mark, in;
    ssize_t length = -1;
    int fd = KIN_RETRY(openat(folder, entry, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC));
    if (fd < 0)
        return -1;
    if (fstat(fd, &mark) == 0 && fstat(folder, &in) == 0 && S_ISREG(mark.st_mode) &&
        (mark.st_uid == in.st_uid || mark.st_uid == geteuid()) && mark.st_size < MARK_BYTES)
        length = KIN_RETRY(read(fd, text, MARK_BYTES - 1));
    if (length >= 0)
        text[length] = '\0';
    close(fd);
    return length;
}

/* What a mark's text says of a folder of this name. */
static kin_mark parse_mark(const char *text, const char *name)
{
    for (kin_mark mark = KIN_MARK_UNFINISHED; mark <= KIN_MARK_REPLACED; mark++) {
        size_t head = strlen(mark_head[mark]), length = strlen(name);
        if (strncmp(text, mark_head[mark], head) == 0 && strncmp(text + head, name, length) == 0 &&
            strcmp(text + head + length, "\n") == 0)
            return mark;
    }
    return KIN_MARK_NONE;
}

bool kin_unfinished_is_mark(int folder, const char *name)
{
    static const char head[] = "kin ";
    char text[MARK_BYTES];
    ssize_t length = strcmp(name, kin_mark_name) == 0 ? read_mark(folder, name, text) : -1;
    size_t told = length < (ssize_t)strlen(head) ? (size_t)length : strlen(head);
    return length >= 0 && strncmp(text, head, told) == 0; /* a writer may be killed in its mark */
}

bool kin_unfinished_mark(const kin_unfinished *self, int folder, kin_mark mark)
{
    char text[MARK_BYTES];
    size_t length = (size_t)snprintf(text, sizeof text, "%s%s\n", mark_head[mark], self->name);
    int fd = KIN_RETRY(
        openat(folder, kin_mark_name, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0666));
    if (fd < 0)
        return false;
    bool written = kin_write_all(fd, text, length) == 0;
    int saved = errno;
    close(fd);
    if (!written)
        unlinkat(folder, kin_mark_name, 0);
    errno = saved;
    return written;
}

bool kin_unfinished_unmark(int folder)
{
    return unlinkat(folder, kin_mark_name, 0) == 0 || errno == ENOENT;
}

/* ---- making one ------------------------------------------------------------------------------ */

static void random_letters(char out[LETTERS + 1])
{
    uint64_t number = 0;
    if (getrandom(&number, sizeof number, GRND_NONBLOCK) != (ssize_t)sizeof number) {
        struct timespec now;
        clock_gettime(CLOCK_MONOTONIC, &now);
        number = (uint64_t)now.tv_nsec * 2654435761U ^ (uint64_t)getpid() << 24;
    }
    for (int i = 0; i < LETTERS; i++, number /= sizeof alphabet - 1)
        out[i] = alphabet[number % (sizeof alphabet - 1)];
    out[LETTERS] = '\0';
}

/* Makes a folder of a name that is not taken; the sticky bit says that it has no mark yet. */
static int make_folder(kin_unfinished *self)
{
    enum { TRIES = 100 };
    char *letters = self->path + strlen(self->path) - LETTERS;
    int made = -1;
    for (int tries = 0; tries < TRIES && made != 0; tries++) {
        random_letters(letters);
        made = mkdirat(self->parent, self->name, 0777 | S_ISVTX);
        if (made != 0 && errno != EEXIST)
            break;
    }
    return made;
}

/* Opens the new folder and locks it. EWOULDBLOCK or ENOENT: another writer has taken it for a
 * leftover in the moment between, and the next try makes another. */
static bool lock_folder(kin_unfinished *self)
{
    struct stat locked;
    int fd = KIN_RETRY(openat(self->parent, self->name, OPEN_FOLDER));
    self->folder = fd >= 0 ? fdopendir(fd) : NULL;
    if (!self->folder) {
        int saved = errno;
        if (fd >= 0)
            close(fd);
        errno = saved;
        return false;
    }
    if (KIN_RETRY(flock(fd, LOCK_EX | LOCK_NB)) != 0 || fstat(fd, &locked) != 0)
        return false;
    errno = ENOENT;
    return locked.st_nlink > 0 && kin_unfinished_is_there(self);
}

/* One try: whether the folder is there, locked and marked. Where it is not, errno says why and
 * nothing is left. */
static bool try_folder(kin_unfinished *self)
{
    struct stat status;
    if (make_folder(self) != 0)
        return false;
    bool done =
        lock_folder(self) && kin_unfinished_mark(self, dirfd(self->folder), KIN_MARK_UNFINISHED) &&
        fstat(dirfd(self->folder), &status) == 0 &&
        (!(status.st_mode & S_ISVTX) || /* file systems without it may refuse to change it */
         fchmod(dirfd(self->folder), status.st_mode & 07777 & ~(mode_t)S_ISVTX) == 0);
    if (done)
        return true;
    int saved = errno;
    if (self->folder) {
        kin_unfinished_unmark(dirfd(self->folder));
        closedir(self->folder);
        self->folder = NULL;
    }
    unlinkat(self->parent, self->name, AT_REMOVEDIR);
    errno = saved;
    return false;
}

static void release(kin_unfinished *self)
{
    if (!self->path)
        return;
    if (self->folder)
        closedir(self->folder);
    if (self->parent >= 0)
        close(self->parent);
    free(self->path);
    *self = (kin_unfinished){0};
}

int kin_unfinished_open(kin_unfinished *self, const char *final, kin_error *err)
{
    enum { TRIES = 8 };
    *self = (kin_unfinished){.parent = -1};
    const char *base = kin_path_base(final);
    int length = (int)(base - final); /* with its slash; "b" lies in "." */
    self->path = kin_text("%.*s.%s.kin-XXXXXX", length, final, base);
    char *where = kin_path_parent(final);
    int rc = self->path && where ? 0 : kin_fail_alloc(err, "path", PATH_MAX);
    if (rc != 0)
        goto done;
    self->name = kin_path_base(self->path);
    self->parent = KIN_RETRY(open(where, O_PATH | O_DIRECTORY | O_CLOEXEC));
    if (self->parent < 0) {
        rc = kin_fail_errno(err, KIN_E_CANTOUT, parent_hint, "%s cannot be created in %s", final,
                            where);
        goto done;
    }
    bool made = false;
    for (int tries = 0; tries < TRIES && !made; tries++) {
        made = try_folder(self);
        if (!made && errno != EWOULDBLOCK && errno != ENOENT)
            break;
    }
    if (!made)
        rc = kin_fail_errno(err, KIN_E_CANTOUT, parent_hint, "%s cannot be created in %s", final,
                            where);
done:
    free(where);
    if (rc != 0)
        release(self);
    return rc;
}

bool kin_unfinished_is_there(const kin_unfinished *self)
{
    struct stat opened, named;
    return fstat(dirfd(self->folder), &opened) == 0 &&
           fstatat(self->parent, self->name, &named, AT_SYMLINK_NOFOLLOW) == 0 &&
           opened.st_dev == named.st_dev && opened.st_ino == named.st_ino;
}

/* ---- emptying -------------------------------------------------------------------------------- */

bool kin_unfinished_is_listed(int folder, const char *name, const json_t *manifest)
{
    struct stat status;
    return fstatat(folder, name, &status, AT_SYMLINK_NOFOLLOW) == 0 && S_ISREG(status.st_mode) &&
           (strcmp(name, own_manifest) == 0 ||
            json_object_get(json_object_get(manifest, "files"), name));
}

static void note_failure(const char *name, kin_remains *left)
{
    left->error = errno;
    snprintf(left->name, sizeof left->name, "%s", name);
}

static void remove_entry(int folder, const char *name, kin_remains *left)
{
    if (unlinkat(folder, name, 0) != 0 && errno != ENOENT)
        note_failure(name, left);
}

/* Removes an entry that is kin's: of a folder with a manifest what it lists, else a plain file of
 * this user. */
static void remove_known(int folder, const char *name, const json_t *manifest, kin_remains *left)
{
    struct stat status;
    if (fstatat(folder, name, &status, AT_SYMLINK_NOFOLLOW) != 0) {
        if (errno != ENOENT)
            note_failure(name, left);
        return;
    }
    bool listed = manifest ? json_object_get(json_object_get(manifest, "files"), name) != NULL
                           : status.st_uid == geteuid();
    if (S_ISREG(status.st_mode) && listed) {
        remove_entry(folder, name, left);
    } else {
        left->strange = true;
        snprintf(left->name, sizeof left->name, "%s", name);
    }
}

/* Removes all of the folder's entries that are kin's: those that the manifest lists, or without one
 * all plain files of this user. The manifest goes last, as it says what the others are. */
static kin_remains remove_entries(DIR *listing, const json_t *manifest)
{
    kin_remains left = {0};
    int folder = dirfd(listing);
    struct dirent *entry;
    rewinddir(listing);
    while ((entry = readdir(listing)) != NULL) {
        const char *name = entry->d_name;
        if (is_dots(name) || strcmp(name, kin_mark_name) == 0 ||
            (manifest && strcmp(name, own_manifest) == 0))
            continue;
        remove_known(folder, name, manifest, &left);
    }
    if (manifest && left.error == 0)
        remove_entry(folder, own_manifest, &left);
    return left;
}

/* The mark and the folder itself: with the sticky bit it is a leftover even without its mark. */
static void remove_empty(int parent, const char *name, int folder, kin_remains *left)
{
    struct stat status;
    bool known = fstat(folder, &status) == 0;
    if (known)
        fchmod(folder, (status.st_mode & 07777) | S_ISVTX);
    if (kin_unfinished_unmark(folder) && unlinkat(parent, name, AT_REMOVEDIR) == 0)
        return;
    left->error = errno;
    left->strange = errno == ENOTEMPTY || errno == EEXIST;
    snprintf(left->name, sizeof left->name, "%s", name);
    if (known && left->strange) /* theirs from now on; else the next run tries again */
        fchmod(folder, status.st_mode & 07777);
}

/* What is kin's of a folder, and the folder where nothing else is in it. Where something is, it is
 * theirs now: without its mark it is never looked at again. */
static kin_remains empty(int parent, const char *name, DIR *listing, const json_t *manifest)
{
    kin_remains left = remove_entries(listing, manifest);
    if (left.error == 0 && !left.strange)
        remove_empty(parent, name, dirfd(listing), &left);
    else if (left.error == 0)
        kin_unfinished_unmark(dirfd(listing));
    return left;
}

kin_remains kin_unfinished_empty(int parent, const char *name, DIR *old, const json_t *manifest)
{
    return empty(parent, name, old, manifest);
}

void kin_unfinished_discard(kin_unfinished *self)
{
    if (self->path && kin_unfinished_is_there(self))
        empty(self->parent, self->name, self->folder, NULL);
    release(self);
}

bool kin_unfinished_publish(kin_unfinished *self)
{
    bool unmarked = kin_unfinished_unmark(dirfd(self->folder));
    int saved = errno;
    release(self);
    errno = saved;
    return unmarked;
}

/* ---- what others left ------------------------------------------------------------------------ */

/* `own` is the name of a living folder for the same output: ".NAME.kin-" and six letters. */
static bool has_such_a_name(const char *name, const char *own)
{
    size_t prefix = strlen(own) - LETTERS;
    return strlen(name) == prefix + LETTERS && strncmp(name, own, prefix) == 0 &&
           strspn(name + prefix, alphabet) == LETTERS && strcmp(name, own) != 0;
}

/* A folder without its mark that is empty, or holds the beginning of a mark, and has the sticky
 * bit. */
static bool is_unborn(DIR *listing, const struct stat *status)
{
    char text[MARK_BYTES];
    struct dirent *entry;
    bool unborn = (status->st_mode & S_ISVTX) != 0;
    rewinddir(listing);
    while (unborn && (entry = readdir(listing)) != NULL)
        unborn = is_dots(entry->d_name) ||
                 (strcmp(entry->d_name, kin_mark_name) == 0 &&
                  read_mark(dirfd(listing), entry->d_name, text) >= 0 &&
                  strncmp(text, mark_head[KIN_MARK_UNFINISHED], strlen(text)) == 0);
    return unborn;
}

static bool is_gone(int folder, const char *name)
{
    struct stat status;
    return fstatat(folder, name, &status, AT_SYMLINK_NOFOLLOW) != 0 && errno == ENOENT;
}

/* Removes a leftover whose lock is held. Of an old output the manifest says what is kin's. */
static void clear_locked(const kin_unfinished *self, const char *name, DIR *listing, kin_mark mark)
{
    json_t *manifest = NULL;
    if (mark == KIN_MARK_REPLACED) {
        char *path = kin_text("%.*s%s", (int)(self->name - self->path), self->path, name);
        if (path && is_gone(dirfd(listing), own_manifest))
            manifest = json_object(); /* all that it listed is gone */
        else if (path)
            kin_manifest_read_in(&manifest, &(kin_dir){path, dirfd(listing)}, NULL, NULL);
        free(path);
        if (!manifest)
            return;
    }
    empty(self->parent, name, listing, manifest);
    json_decref(manifest);
}

/* Looks at one entry of the parent folder. Whether a living writer has it. */
static bool clear_entry(const kin_unfinished *self, const char *name)
{
    char text[MARK_BYTES];
    struct stat status;
    bool living = false;
    int fd = KIN_RETRY(openat(self->parent, name, OPEN_FOLDER | O_NONBLOCK));
    DIR *listing = fd >= 0 ? fdopendir(fd) : NULL;
    if (!listing) {
        if (fd >= 0)
            close(fd);
        return false;
    }
    kin_mark mark =
        read_mark(fd, kin_mark_name, text) >= 0 ? parse_mark(text, name) : KIN_MARK_NONE;
    bool own = fstat(fd, &status) == 0 && status.st_uid == geteuid();
    if (mark == KIN_MARK_NONE && !(own && is_unborn(listing, &status)))
        goto done;
    if (KIN_RETRY(flock(fd, LOCK_EX | LOCK_NB)) != 0) {
        living = mark != KIN_MARK_NONE && errno == EWOULDBLOCK;
        goto done;
    }
    if (!own)
        goto done;
    /* its writer may have gone on before the lock was free */
    mark = read_mark(fd, kin_mark_name, text) >= 0 ? parse_mark(text, name) : KIN_MARK_NONE;
    if (fstat(fd, &status) == 0 && status.st_nlink > 0 &&
        (mark != KIN_MARK_NONE || is_unborn(listing, &status)))
        clear_locked(self, name, listing, mark);
done:
    closedir(listing);
    return living;
}

int kin_unfinished_clear(const kin_unfinished *self, bool *living, kin_error *err)
{
    *living = false;
    int fd = KIN_RETRY(openat(self->parent, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC));
    DIR *parent = fd >= 0 ? fdopendir(fd) : NULL;
    if (!parent) {
        int rc = kin_fail_errno(err, KIN_E_CANTOUT, parent_hint, "the folder of %s", self->path);
        if (fd >= 0)
            close(fd);
        return rc;
    }
    struct dirent *entry;
    while ((entry = readdir(parent)) != NULL)
        if (has_such_a_name(entry->d_name, self->name))
            *living = clear_entry(self, entry->d_name) || *living;
    closedir(parent);
    return 0;
}
