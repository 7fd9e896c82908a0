/**
 * HOME/models/tuned.json. An entry belongs to a machine (its processor and number of cores)
 * and a model (path, size and time of change, or the checksum where these differ), so a home
 * on a network serves many machines.
 */
#include "lm_tune_memory.h"
#include "lm_pull.h"

#include "base_alloc.h"
#include "base_error.h"
#include "base_file.h"

#include <jansson.h>
#include <sodium.h>

#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { VERSION = 1, MACHINE_BYTES = 33 };

bool lm_tune_folder(const char *home, char folder[REEL_LM_PATH_BYTES])
{
    const int n = snprintf(folder, REEL_LM_PATH_BYTES, "%s/models/tuned", home);
    return n > 0 && n < REEL_LM_PATH_BYTES - 300;
}

static bool memory_path(const char *home, char path[REEL_LM_PATH_BYTES])
{
    const int n = snprintf(path, REEL_LM_PATH_BYTES, "%s/models/tuned.json", home);
    return n > 0 && n < REEL_LM_PATH_BYTES;
}

/** Processor, its instructions, and how many: what decides which form is fast. */
static void describe_machine(char machine[MACHINE_BYTES])
{
    crypto_generichash_state state;
    unsigned char sum[16];
    char line[8192];
    bool has_name = false, has_flags = false;
    (void)crypto_generichash_init(&state, NULL, 0, sizeof sum);
    FILE *file = fopen("/proc/cpuinfo", "re");
    while (file && !(has_name && has_flags) && fgets(line, sizeof line, file)) {
        bool *has =
            strncmp(line, "model name", 10) == 0 || strncmp(line, "CPU part", 8) == 0
                ? &has_name
            : strncmp(line, "flags", 5) == 0 || strncmp(line, "Features", 8) == 0
                ? &has_flags
                : NULL;
        if (has && !*has) {
            *has = true;
            (void)crypto_generichash_update(&state, (const unsigned char *)line,
                                            strlen(line));
        }
    }
    if (file) {
        (void)fclose(file);
    }
    const long n_cores = sysconf(_SC_NPROCESSORS_CONF);
    (void)crypto_generichash_update(&state, (const unsigned char *)&n_cores,
                                    sizeof n_cores);
    (void)crypto_generichash_final(&state, sum, sizeof sum);
    (void)sodium_bin2hex(machine, MACHINE_BYTES, sum, sizeof sum);
}

/** NULL: there is none, or it is damaged, which is the same: tuning writes it anew. */
static json_t *load(const char *home)
{
    char path[REEL_LM_PATH_BYTES];
    json_t *root = memory_path(home, path) ? json_load_file(path, 0, NULL) : NULL;
    if (json_integer_value(json_object_get(root, "forkreel_tuned")) != VERSION ||
        !json_is_array(json_object_get(root, "models"))) {
        json_decref(root);
        return NULL;
    }
    return root;
}

static const char *text_of(const json_t *entry, const char *key)
{
    const char *text = json_string_value(json_object_get(entry, key));
    return text ? text : "";
}

static int64_t time_of(const struct stat *st)
{
    return (int64_t)st->st_mtim.tv_sec * 1000000000 + st->st_mtim.tv_nsec;
}

static bool is_unmoved(const json_t *entry, const char *real, const struct stat *st)
{
    return strcmp(text_of(entry, "path"), real) == 0 &&
           json_integer_value(json_object_get(entry, "changed_ns")) == time_of(st);
}

/** The entry for a file on this machine; sums the file only where it looks like moved. */
static json_t *find(json_t *models, const char *machine, const char *real,
                    const struct stat *st)
{
    char sum[72] = "";
    json_t *entry;
    size_t i;
    json_array_foreach(models, i, entry)
    {
        if (strcmp(text_of(entry, "machine"), machine) != 0 ||
            json_integer_value(json_object_get(entry, "bytes")) != st->st_size) {
            continue;
        }
        if (is_unmoved(entry, real, st)) {
            return entry;
        }
        if (!*sum && lm_pull_sum(real, NULL, sum, NULL) != REEL_OK) {
            return NULL;
        }
        if (strcmp(text_of(entry, "checksum"), sum) == 0) {
            return entry;
        }
    }
    return NULL;
}

enum reel_status reel_lm_tuned_path(const char *home, const char *path,
                                    char tuned[REEL_LM_PATH_BYTES],
                                    struct reel_error *err)
{
    char folder[REEL_LM_PATH_BYTES], machine[MACHINE_BYTES];
    if (strlen(path) >= REEL_LM_PATH_BYTES || !lm_tune_folder(home, folder)) {
        return fail(err, REEL_EINVAL, "%.200s: the path is too long", path);
    }
    (void)snprintf(tuned, REEL_LM_PATH_BYTES, "%s", path);
    struct stat st;
    json_t *root = sodium_init() < 0 ? NULL : load(home);
    char *real = root ? realpath(path, NULL) : NULL;
    if (real && stat(real, &st) == 0) {
        describe_machine(machine);
        const json_t *entry = find(json_object_get(root, "models"), machine, real, &st);
        const char *file = text_of(entry, "file");
        char kept[REEL_LM_PATH_BYTES + 300];
        (void)snprintf(kept, sizeof kept, "%s/%.255s", folder, file);
        // A file that somebody removed or changed is no longer what was measured.
        if (*file && !strchr(file, '/') && stat(kept, &st) == 0 &&
            st.st_size == json_integer_value(json_object_get(entry, "file_bytes"))) {
            (void)snprintf(tuned, REEL_LM_PATH_BYTES, "%.*s", REEL_LM_PATH_BYTES - 1,
                           kept);
        }
    }
    free(real);
    json_decref(root);
    return REEL_OK;
}

static json_t *pack_real(double value)
{
    return isfinite(value) ? json_real(value) : json_null();
}

static json_t *pack_rows(const struct reel_lm_tuned *tuned)
{
    json_t *rows = json_array();
    for (int32_t i = 0; rows && i < tuned->n_rows; i++) {
        const struct reel_lm_tune_row *row = &tuned->row[i];
        json_t *packed = json_pack(
            "{s:s, s:I, s:o, s:o, s:o, s:o, s:b, s:s}", "type", row->type, "bytes",
            (json_int_t)row->file_bytes, "perplexity_en", pack_real(row->perplexity_en),
            "perplexity_zh", pack_real(row->perplexity_zh), "read_per_s",
            pack_real(row->read_per_s), "written_per_s", pack_real(row->written_per_s),
            "kept", (int)row->is_kept, "why_not", row->why_not);
        if (json_array_append_new(rows, packed) != 0) {
            json_decref(rows);
            rows = NULL;
        }
    }
    return rows;
}

/** Forget what was known of the model, and remove its file unless it is `kept`. */
static void forget(json_t *models, const char *machine, const char *checksum,
                   const char *folder, const char *kept)
{
    for (size_t i = json_array_size(models); i-- > 0;) {
        const json_t *entry = json_array_get(models, i);
        if (strcmp(text_of(entry, "machine"), machine) == 0 &&
            strcmp(text_of(entry, "checksum"), checksum) == 0) {
            const char *file = text_of(entry, "file");
            char old[REEL_LM_PATH_BYTES + 300];
            (void)snprintf(old, sizeof old, "%s/%.255s", folder, file);
            if (*file && !strchr(file, '/') && strcmp(old, kept) != 0) {
                (void)unlink(old);
            }
            (void)json_array_remove(models, i);
        }
    }
}

static enum reel_status save(const char *home, const json_t *root, struct reel_error *err)
{
    char path[REEL_LM_PATH_BYTES];
    struct base_file_writer writer;
    if (!memory_path(home, path)) {
        return fail(err, REEL_EINVAL, "the name of the home is too long");
    }
    enum reel_status rc = base_file_writer_open(&writer, path, err);
    if (rc) {
        return rc;
    }
    if (json_dumpf(root, writer.out, JSON_INDENT(1)) != 0 && !ferror(writer.out)) {
        base_file_writer_abort(&writer);
        return fail(err, REEL_ENOMEM, "%s", path);
    }
    return base_file_writer_close(&writer, err);
}

enum reel_status lm_tune_remember(const char *home, const char *path,
                                  const char *checksum, const char *kept,
                                  const struct reel_lm_tuned *tuned,
                                  struct reel_error *err)
{
    char machine[MACHINE_BYTES], folder[REEL_LM_PATH_BYTES];
    struct stat st, st_kept;
    char *real = realpath(path, NULL);
    if (!real || stat(real, &st) != 0 || stat(kept, &st_kept) != 0 ||
        !lm_tune_folder(home, folder)) {
        free(real);
        return fail(err, REEL_EIO, "%s: it has gone", path);
    }
    describe_machine(machine);
    const bool is_itself = strcmp(kept, path) == 0;
    json_t *root = load(home);
    root = root ? root : json_pack("{s:i, s:[]}", "forkreel_tuned", VERSION, "models");
    json_t *models = json_object_get(root, "models");
    forget(models, machine, checksum, folder, kept);
    json_t *entry = json_pack(
        "{s:s, s:s, s:I, s:I, s:s, s:s, s:I, s:o}", "machine", machine, "path", real,
        "changed_ns", (json_int_t)time_of(&st), "bytes", (json_int_t)st.st_size,
        "checksum", checksum, "file", is_itself ? "" : strrchr(kept, '/') + 1,
        "file_bytes", (json_int_t)st_kept.st_size, "rows", pack_rows(tuned));
    enum reel_status rc = REEL_OK;
    if (!root || !entry || json_array_append_new(models, entry) != 0) {
        rc = fail(err, REEL_ENOMEM, "what was tuned");
    }
    rc = rc ? rc : save(home, root, err);
    json_decref(root);
    free(real);
    return rc;
}
