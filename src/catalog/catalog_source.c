/**
 * Lists the members of a file, folder, zip or memory, and opens one as a stream of unpacked
 * bytes. Kinds are told by the first bytes, not by the name. Text is catalog_input.c's.
 *
 * An archive that names a place outside itself ("../x", "/x", "C:\x") or holds a link is
 * refused whole. In a folder, links are not followed.
 */
#include "catalog_stream.h"

#include "base_alloc.h"
#include "base_arena.h"
#include "base_error.h"
#include "base_text.h"

#include <archive.h>
#include <archive_entry.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <fnmatch.h>
#include <locale.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum {
    MEMBERS_MAX = 200000,
    DEPTH_MAX = 16,              /* folders in folders */
    NAMES_MAX_BYTES = 256 << 20, /* of all member names together */
    BLOCK_BYTES = 1 << 16,       /* read from disk at a time by libarchive */
    RATIO_FREE_BYTES = 1 << 20,  /* any ratio is fine below this unpacked size */
    PATH_MAX_BYTES = 4096,
};

enum kind { KIND_PLAIN, KIND_GZ, KIND_ZIP };

struct member {
    const char *name;  /* inside the folder or archive */
    const char *label; /* for messages */
    int32_t depth;     /* number of '/' in the name */
    int32_t i_entry;   /* place in the archive */
    const void *data;  /* of memory; NULL on disk */
    size_t n_bytes;
};

struct catalog_source {
    char *path;
    const struct reel_read_options *opt;
    struct member *member;
    int32_t n_members, room_members;
    bool is_file; /* one plain or .gz file */
    bool is_zip;
    const void *zip_data; /* the archive in memory; NULL on disk */
    size_t zip_bytes;
    struct archive *parked; /* an open archive that stands before entry i_parked */
    int32_t i_parked;
    locale_t utf8; /* made when first needed */
    struct base_arena names;
};

struct catalog_stream {
    struct catalog_source *source;
    const struct member *member;
    enum kind kind;
    int fd;                  /* of a plain file on disk; else -1 */
    size_t i_data;           /* place in plain memory */
    struct archive *archive; /* of packed bytes */
    int64_t packed_begin;    /* where the archive stood at the beginning */
    int64_t n_read, total;   /* unpacked so far; size of the file or entry, 0 unknown */
};

// ---- listing ----

static bool is_ignored(const char *name)
{
    const char *slash = strrchr(name, '/');
    const char *base = slash ? slash + 1 : name;
    return base[0] == '.' || base[0] == '\0' || strncmp(name, "__MACOSX/", 9) == 0;
}

static bool is_safe(const char *name)
{
    if (name[0] == '/' || name[0] == '\\' || name[0] == '\0' ||
        (name[1] == ':' && (name[2] == '\\' || name[2] == '/'))) {
        return false;
    }
    for (const char *part = name; *part;) {
        const size_t n = strcspn(part, "/\\");
        if (n == 2 && part[0] == '.' && part[1] == '.') {
            return false;
        }
        part += n + (part[n] != '\0');
    }
    return true;
}

static enum reel_status add_member(struct catalog_source *s, const struct member *member,
                                   struct reel_error *err)
{
    if (s->n_members == MEMBERS_MAX) {
        return fail(err, REEL_EFORMAT, "%s: more than %d files in it", s->path,
                    MEMBERS_MAX);
    }
    if (s->n_members == s->room_members) {
        const int32_t room = s->room_members ? 2 * s->room_members : 8;
        void *p = base_realloc_array(s->member, (size_t)room, sizeof *s->member);
        if (!p) {
            return fail(err, REEL_ENOMEM, "%s: list of %d files", s->path, room);
        }
        s->member = p;
        s->room_members = room;
    }
    struct member copy = *member;
    copy.name = base_arena_strdup(&s->names, member->name);
    copy.label = base_arena_strdup(&s->names, member->label);
    if (!copy.name || !copy.label) {
        return fail(err, REEL_ENOMEM, "%s: names of its files", s->path);
    }
    for (const char *p = copy.name; *p; p++) {
        copy.depth += *p == '/';
    }
    s->member[s->n_members++] = copy;
    return REEL_OK;
}

// Members of a zip stay in its order: going back in a zip means opening it again.
static int by_depth_and_place(const void *a, const void *b)
{
    const struct member *x = a, *y = b;
    if (x->depth != y->depth) {
        return x->depth < y->depth ? -1 : 1;
    }
    const int order = (x->i_entry > y->i_entry) - (x->i_entry < y->i_entry);
    return order ? order : strcmp(x->name, y->name);
}

// `inside` is the folder's name within the source, "" or ending with '/'.
static enum reel_status list_folder(struct catalog_source *s, const char *inside,
                                    int depth, struct reel_error *err)
{
    if (depth > DEPTH_MAX) {
        return fail(err, REEL_EFORMAT, "%s/%s: more than %d folders deep", s->path,
                    inside, DEPTH_MAX);
    }
    enum reel_status rc = REEL_OK;
    char path[PATH_MAX_BYTES], name[PATH_MAX_BYTES];
    if (snprintf(path, sizeof path, "%s/%s", s->path, inside) >= (int)sizeof path) {
        return fail(err, REEL_EFORMAT, "%s: path too long", s->path);
    }
    DIR *folder = opendir(path);
    if (!folder) {
        return fail(err, REEL_EIO, "%s: %s", path, strerror(errno));
    }
    for (const struct dirent *entry; rc == REEL_OK && (entry = readdir(folder));) {
        struct stat st;
        if (entry->d_name[0] == '.' ||
            snprintf(name, sizeof name, "%s%s", inside, entry->d_name) >=
                (int)sizeof name ||
            snprintf(path, sizeof path, "%s/%s", s->path, name) >= (int)sizeof path ||
            lstat(path, &st) != 0) {
            continue;
        }
        if (S_ISDIR(st.st_mode)) {
            const size_t n = strlen(name);
            if (n + 1 < sizeof name) {
                memcpy(name + n, "/", 2);
                rc = list_folder(s, name, depth + 1, err);
            }
        } else if (S_ISREG(st.st_mode)) {
            rc = add_member(s, &(struct member){.name = name, .label = path}, err);
        }
    }
    (void)closedir(folder);
    return rc;
}

static enum reel_status fail_archive(const char *label, struct archive *a,
                                     struct reel_error *err)
{
    const char *text = archive_error_string(a);
    return fail(err, REEL_EFORMAT, "%s: damaged, incomplete or locked: %s", label,
                text ? text : "it cannot be unpacked");
}

// libarchive turns names into the charset of the thread's locale; give it one that has all
// letters. Returns what to go back to.
static locale_t enter_utf8(struct catalog_source *s)
{
    if (!s->utf8) {
        s->utf8 = newlocale(LC_CTYPE_MASK, "C.UTF-8", (locale_t)0);
    }
    return s->utf8 ? uselocale(s->utf8) : (locale_t)0;
}

static void leave_utf8(locale_t outer)
{
    if (outer) {
        (void)uselocale(outer);
    }
}

// Opens the packed bytes of a zip (member NULL) or of a .gz.
static enum reel_status archive_begin(struct catalog_source *s,
                                      const struct member *member, struct archive **out,
                                      struct reel_error *err)
{
    const char *label = member ? member->label : s->path;
    const void *data = member ? member->data : s->zip_data;
    const size_t n_bytes = member ? member->n_bytes : s->zip_bytes;
    struct archive *a = archive_read_new();
    if (!a) {
        return fail(err, REEL_ENOMEM, "%s: unpacking", label);
    }
    if (member) {
        (void)archive_read_support_filter_gzip(a);
        (void)archive_read_support_format_raw(a);
        (void)archive_read_support_format_empty(a);
    } else {
        (void)archive_read_support_format_zip_seekable(a);
    }
    const int status = data ? archive_read_open_memory(a, data, n_bytes)
                            : archive_read_open_filename(a, label, BLOCK_BYTES);
    if (status != ARCHIVE_OK) {
        const enum reel_status rc = fail_archive(label, a, err);
        (void)archive_read_free(a);
        return rc;
    }
    *out = a;
    return REEL_OK;
}

// Names in a zip may be in any charset; what is not UTF-8 is only for looking at.
static const char *entry_name(struct archive_entry *entry, char *text,
                              size_t n_text_bytes)
{
    const char *name = archive_entry_pathname_utf8(entry);
    name = name ? name : archive_entry_pathname(entry);
    (void)snprintf(text, n_text_bytes, "%s", name ? name : "?");
    size_t bad;
    for (size_t n = strlen(text); !base_utf8_check(text, n, &bad);) {
        text[bad] = '?';
    }
    return text;
}

static enum reel_status check_entry(const struct catalog_source *s, const char *name,
                                    struct archive_entry *entry, struct reel_error *err)
{
    if (!is_safe(name)) {
        return fail(err, REEL_EFORMAT,
                    "%s: refused: its member \"%s\" lies outside of it", s->path, name);
    }
    const unsigned type = archive_entry_filetype(entry);
    if ((type != AE_IFREG && type != AE_IFDIR && type != 0) ||
        archive_entry_symlink(entry) || archive_entry_hardlink(entry)) {
        return fail(err, REEL_EFORMAT,
                    "%s: refused: its member \"%s\" is a link or a device", s->path,
                    name);
    }
    return REEL_OK;
}

static enum reel_status list_zip(struct catalog_source *s, struct reel_error *err)
{
    struct archive *a = NULL;
    enum reel_status rc = archive_begin(s, NULL, &a, err);
    if (rc != REEL_OK) {
        return rc;
    }
    const locale_t outer = enter_utf8(s);
    for (int32_t i = 0; rc == REEL_OK; i++) {
        struct archive_entry *entry;
        const int status = archive_read_next_header(a, &entry);
        if (status == ARCHIVE_EOF) {
            break;
        }
        if (status < ARCHIVE_WARN) {
            rc = fail_archive(s->path, a, err);
            break;
        }
        char name[PATH_MAX_BYTES];
        entry_name(entry, name, sizeof name);
        rc = check_entry(s, name, entry, err);
        if (rc == REEL_OK && archive_entry_filetype(entry) != AE_IFDIR &&
            !is_ignored(name)) {
            rc = add_member(
                s, &(struct member){.name = name, .label = name, .i_entry = i}, err);
        }
        if (i > 2 * MEMBERS_MAX) {
            rc =
                fail(err, REEL_EFORMAT, "%s: more than %d entries", s->path, MEMBERS_MAX);
        }
    }
    leave_utf8(outer);
    (void)archive_read_free(a);
    return rc;
}

static enum kind kind_of(const unsigned char *head, size_t n)
{
    if (n >= 4 && head[0] == 'P' && head[1] == 'K' &&
        ((head[2] == 3 && head[3] == 4) || (head[2] == 5 && head[3] == 6))) {
        return KIND_ZIP;
    }
    return n >= 2 && head[0] == 0x1f && head[1] == 0x8b ? KIND_GZ : KIND_PLAIN;
}

static const char *base_name(const char *path)
{
    const char *slash = strrchr(path, '/');
    return slash && slash[1] ? slash + 1 : path;
}

static enum reel_status list_file(struct catalog_source *s, struct reel_error *err)
{
    struct stat st;
    if (stat(s->path, &st) != 0) {
        return fail(err, errno == ENOENT ? REEL_ENOTFOUND : REEL_EIO, "%s: %s", s->path,
                    strerror(errno));
    }
    if (S_ISDIR(st.st_mode)) {
        return list_folder(s, "", 0, err);
    }
    if (S_ISREG(st.st_mode)) { // a pipe cannot be looked into and read again
        unsigned char head[4];
        const int fd = open(s->path, O_RDONLY | O_CLOEXEC);
        const ssize_t n = fd < 0 ? -1 : pread(fd, head, sizeof head, 0);
        if (n < 0) {
            const enum reel_status rc =
                fail(err, REEL_EIO, "%s: %s", s->path, strerror(errno));
            (void)(fd < 0 ? 0 : close(fd));
            return rc;
        }
        (void)close(fd);
        s->is_zip = kind_of(head, (size_t)n) == KIND_ZIP;
    }
    if (s->is_zip) {
        return list_zip(s, err);
    }
    s->is_file = true;
    return add_member(s, &(struct member){.name = base_name(s->path), .label = s->path},
                      err);
}

static enum reel_status list_memory(struct catalog_source *s,
                                    const struct catalog_memory *memory, int32_t n,
                                    struct reel_error *err)
{
    if (n == 1 && kind_of(memory->data, memory->n_bytes) == KIND_ZIP) {
        s->is_zip = true;
        s->zip_data = memory->data;
        s->zip_bytes = memory->n_bytes;
        return list_zip(s, err);
    }
    s->is_file = n == 1;
    enum reel_status rc = REEL_OK;
    for (int32_t i = 0; rc == REEL_OK && i < n; i++) {
        rc = add_member(s,
                        &(struct member){.name = memory[i].name,
                                         .label = memory[i].name,
                                         .data = memory[i].data ? memory[i].data : "",
                                         .n_bytes = memory[i].n_bytes},
                        err);
    }
    return rc;
}

static enum reel_status source_make(const char *path, const struct catalog_memory *memory,
                                    int32_t n, const struct reel_read_options *opt,
                                    struct catalog_source **out, struct reel_error *err)
{
    struct catalog_source *s = base_alloc_zeroed(1, sizeof *s);
    if (!s) {
        return fail(err, REEL_ENOMEM, "%s", path);
    }
    s->opt = opt;
    base_arena_init(&s->names, NAMES_MAX_BYTES);
    s->path = base_strdup(path);
    enum reel_status rc = REEL_OK;
    if (!s->path) {
        rc = fail(err, REEL_ENOMEM, "%s", path);
        goto done;
    }
    for (size_t m = strlen(s->path); m > 1 && s->path[m - 1] == '/';) {
        s->path[--m] = '\0';
    }
    rc = memory ? list_memory(s, memory, n, err) : list_file(s, err);
    if (rc == REEL_OK && s->n_members > 1) {
        qsort(s->member, (size_t)s->n_members, sizeof *s->member, by_depth_and_place);
    }
    if (rc == REEL_OK) {
        *out = s;
        s = NULL;
    }
done:
    catalog_source_close(s);
    return rc;
}

enum reel_status catalog_source_open(const char *path,
                                     const struct reel_read_options *opt,
                                     struct catalog_source **out, struct reel_error *err)
{
    return source_make(path, NULL, 0, opt, out, err);
}

enum reel_status catalog_source_open_memory(const struct catalog_memory *member,
                                            int32_t n,
                                            const struct reel_read_options *opt,
                                            struct catalog_source **out,
                                            struct reel_error *err)
{
    return source_make(n == 1 ? member->name : "memory", member, n, opt, out, err);
}

void catalog_source_close(struct catalog_source *s)
{
    if (!s) {
        return;
    }
    if (s->parked) {
        (void)archive_read_free(s->parked);
    }
    if (s->utf8) {
        freelocale(s->utf8);
    }
    base_arena_release(&s->names);
    base_free(s->member);
    base_free(s->path);
    base_free(s);
}

const char *catalog_source_path(const struct catalog_source *source)
{
    return source->path;
}

bool catalog_source_is_file(const struct catalog_source *source)
{
    return source->is_file;
}

int32_t catalog_source_n(const struct catalog_source *source)
{
    return source->n_members;
}

const char *catalog_source_member(const struct catalog_source *source, int32_t i)
{
    return source->member[i].name;
}

const char *catalog_source_label(const struct catalog_source *source, int32_t i)
{
    return source->member[i].label;
}

const struct reel_read_options *catalog_source_options(
    const struct catalog_source *source)
{
    return source->opt;
}

// The last parts of `name`, as many as `pattern` has, without ".gz".
static bool name_fits(const char *name, const char *pattern)
{
    char tail[PATH_MAX_BYTES];
    int n_slashes = 0;
    for (const char *p = pattern; *p; p++) {
        n_slashes += *p == '/';
    }
    const char *begin = name + strlen(name);
    while (begin > name && (begin[-1] != '/' || n_slashes-- > 0)) {
        begin--;
    }
    if ((size_t)snprintf(tail, sizeof tail, "%s", begin) >= sizeof tail) {
        return false;
    }
    const size_t n = strlen(tail);
    if (n > 3 && strcasecmp(tail + n - 3, ".gz") == 0) {
        tail[n - 3] = '\0';
    }
    return fnmatch(pattern, tail, FNM_CASEFOLD | FNM_PATHNAME) == 0;
}

int32_t catalog_source_find(const struct catalog_source *source, const char *pattern,
                            int32_t i_from)
{
    for (int32_t i = i_from; i < source->n_members; i++) {
        if (name_fits(source->member[i].name, pattern)) {
            return i;
        }
    }
    return -1;
}

// ---- streams ----

// Stand at the entry of the zip, going on from a parked archive where that is possible.
static enum reel_status seek_entry(struct catalog_stream *in, struct reel_error *err)
{
    struct catalog_source *s = in->source;
    int32_t i = 0;
    if (s->parked && s->i_parked <= in->member->i_entry) {
        in->archive = s->parked;
        i = s->i_parked;
        s->parked = NULL;
    } else {
        const enum reel_status rc = archive_begin(s, NULL, &in->archive, err);
        if (rc != REEL_OK) {
            return rc;
        }
    }
    const locale_t outer = enter_utf8(s);
    enum reel_status rc = REEL_OK;
    for (; rc == REEL_OK && i <= in->member->i_entry; i++) {
        struct archive_entry *entry;
        if (archive_read_next_header(in->archive, &entry) < ARCHIVE_WARN) {
            rc = fail_archive(s->path, in->archive, err);
        } else if (i == in->member->i_entry && archive_entry_size_is_set(entry)) {
            in->total = archive_entry_size(entry);
        }
    }
    leave_utf8(outer);
    return rc;
}

static enum reel_status open_gz(struct catalog_stream *in, struct reel_error *err)
{
    const enum reel_status rc = archive_begin(in->source, in->member, &in->archive, err);
    if (rc != REEL_OK) {
        return rc;
    }
    struct archive_entry *entry;
    const int status = archive_read_next_header(in->archive, &entry);
    return status < ARCHIVE_WARN ? fail_archive(in->member->label, in->archive, err)
                                 : REEL_OK;
}

// A file on disk: how long it is, and whether it is packed.
static enum reel_status open_disk(struct catalog_stream *in, struct reel_error *err)
{
    const char *label = in->member->label;
    struct stat st;
    in->fd = open(label, O_RDONLY | O_CLOEXEC);
    if (in->fd < 0 || fstat(in->fd, &st) != 0) {
        return fail(err, REEL_EIO, "%s: %s", label, strerror(errno));
    }
    if (S_ISREG(st.st_mode)) {
        unsigned char head[4];
        const ssize_t n = pread(in->fd, head, sizeof head, 0);
        in->kind = n < 0 ? KIND_PLAIN : kind_of(head, (size_t)n);
        in->total = st.st_size;
    }
    if (in->kind == KIND_PLAIN) {
        (void)posix_fadvise(in->fd, 0, 0, POSIX_FADV_SEQUENTIAL);
    } else {
        (void)close(in->fd);
        in->fd = -1;
    }
    return REEL_OK;
}

enum reel_status catalog_stream_open(struct catalog_source *source, int32_t i,
                                     struct catalog_stream **out, struct reel_error *err)
{
    struct catalog_stream *in = base_alloc_zeroed(1, sizeof *in);
    if (!in) {
        return fail(err, REEL_ENOMEM, "%s", source->member[i].label);
    }
    in->source = source;
    in->member = &source->member[i];
    in->fd = -1;
    enum reel_status rc = REEL_OK;
    if (source->is_zip) {
        in->kind = KIND_ZIP;
        rc = seek_entry(in, err);
    } else if (in->member->data) {
        in->kind = kind_of(in->member->data, in->member->n_bytes);
        in->total = (int64_t)in->member->n_bytes;
    } else {
        rc = open_disk(in, err);
    }
    if (rc == REEL_OK && !source->is_zip && in->kind == KIND_ZIP) {
        rc = fail(err, REEL_EFORMAT, "%s: an archive inside a folder; name it itself",
                  in->member->label);
    }
    if (rc == REEL_OK && in->kind == KIND_GZ) {
        rc = open_gz(in, err);
    }
    if (rc != REEL_OK) {
        catalog_stream_close(in);
        return rc;
    }
    in->packed_begin = in->archive ? archive_filter_bytes(in->archive, -1) : 0;
    *out = in;
    return REEL_OK;
}

void catalog_stream_close(struct catalog_stream *in)
{
    if (!in) {
        return;
    }
    if (in->fd >= 0) {
        (void)close(in->fd);
    }
    struct catalog_source *s = in->source;
    if (in->archive && in->kind == KIND_ZIP && !s->parked) {
        s->parked = in->archive;
        s->i_parked = in->member->i_entry + 1;
    } else if (in->archive) {
        (void)archive_read_free(in->archive);
    }
    base_free(in);
}

static int64_t packed_bytes(const struct catalog_stream *in)
{
    return archive_filter_bytes(in->archive, -1) - in->packed_begin;
}

static enum reel_status check_size(const struct catalog_stream *in,
                                   struct reel_error *err)
{
    const struct reel_read_options *opt = in->source->opt;
    if (in->n_read > opt->max_member_bytes) {
        return fail(err, REEL_EFORMAT, "%s: unpacks to more than %lld bytes",
                    in->member->label, (long long)opt->max_member_bytes);
    }
    if (in->n_read > RATIO_FREE_BYTES &&
        (double)in->n_read > opt->max_ratio * (double)(packed_bytes(in) + 1)) {
        return fail(err, REEL_EFORMAT,
                    "%s: refused: unpacks to more than %.0f times its size",
                    in->member->label, opt->max_ratio);
    }
    return REEL_OK;
}

enum reel_status catalog_stream_read(struct catalog_stream *in, void *data, size_t room,
                                     size_t *n, struct reel_error *err)
{
    ssize_t got;
    if (in->archive) {
        got = archive_read_data(in->archive, data, room);
        if (got < 0) {
            return fail_archive(in->member->label, in->archive, err);
        }
        in->n_read += got;
        *n = (size_t)got;
        return check_size(in, err);
    }
    if (in->member->data) {
        const size_t left = in->member->n_bytes - in->i_data;
        got = (ssize_t)(left < room ? left : room);
        memcpy(data, (const char *)in->member->data + in->i_data, (size_t)got);
        in->i_data += (size_t)got;
    } else {
        do {
            got = read(in->fd, data, room);
        } while (got < 0 && errno == EINTR);
        if (got < 0) {
            return fail(err, REEL_EIO, "%s: %s", in->member->label, strerror(errno));
        }
    }
    in->n_read += got;
    *n = (size_t)got;
    return REEL_OK;
}

enum reel_status catalog_stream_rewind(struct catalog_stream **stream,
                                       struct reel_error *err)
{
    struct catalog_stream *in = *stream;
    if (in->fd >= 0) {
        in->n_read = 0;
        return lseek(in->fd, 0, SEEK_SET) == 0
                   ? REEL_OK
                   : fail(err, REEL_EIO, "%s: must be read twice, and cannot be: %s",
                          in->member->label, strerror(errno));
    }
    struct catalog_source *source = in->source;
    const int32_t i = (int32_t)(in->member - source->member);
    catalog_stream_close(in);
    *stream = NULL;
    return catalog_stream_open(source, i, stream, err);
}

void catalog_stream_progress(const struct catalog_stream *in, double *done, double *total)
{
    *done = (double)(in->kind == KIND_GZ ? packed_bytes(in) : in->n_read);
    *total = (double)in->total;
}
