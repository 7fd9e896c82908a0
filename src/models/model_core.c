/**
 * The registry of models, their settings, and the block that is memory and file at once.
 */
#include "model_core.h"
#include "base_alloc.h"
#include "base_csr.h"
#include "base_error.h"
#include "base_linalg.h"

#include <assert.h>
#include <math.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

enum { FILE_VERSION = 2, OLDEST_READABLE = 2 };

static const char magic[8] = "REELMODL";

static_assert(sizeof(struct model_header) <= BASE_BLOCK_HEADER_BYTES, "has its page");

static const struct model_class *const classes[] = {
    &model_popularity, &model_user_knn, &model_item_knn, &model_als,     &model_ease,
    &model_bpr,        &model_sequence, &model_taste,    &model_content, &model_hybrid,
};

enum { N_CLASSES = sizeof classes / sizeof classes[0] };

const struct reel_model_class_info *const *reel_model_classes(int32_t *n)
{
    static const struct reel_model_class_info *const infos[] = {
        &model_popularity.info, &model_user_knn.info, &model_item_knn.info,
        &model_als.info,        &model_ease.info,     &model_bpr.info,
        &model_sequence.info,   &model_taste.info,    &model_content.info,
        &model_hybrid.info,
    };
    static_assert(sizeof infos / sizeof infos[0] == N_CLASSES, "both lists are one");
    *n = N_CLASSES;
    return infos;
}

static const struct model_class *find_class(const char *name)
{
    for (size_t i = 0; i < N_CLASSES; i++) {
        if (strcmp(classes[i]->info.name, name) == 0) {
            return classes[i];
        }
    }
    return NULL;
}

const struct reel_model_class_info *reel_model_class_find(const char *name)
{
    const struct model_class *class_ = find_class(name);
    return class_ ? &class_->info : NULL;
}

/* ---- settings ---- */

struct reel_train_options reel_train_options_default(void)
{
    struct reel_train_options opt = {.seed = 1, .n_threads = 1};
    for (int i = 0; i < REEL_SETTINGS_MAX; i++) {
        opt.setting[i] = NAN;
    }
    return opt;
}

static int find_setting(const struct reel_model_class_info *info, const char *name,
                        size_t n)
{
    for (int i = 0; i < info->n_settings; i++) {
        if (strlen(info->setting[i].name) == n &&
            memcmp(info->setting[i].name, name, n) == 0) {
            return i;
        }
    }
    return -1;
}

double model_setting(const struct model_class *class_, const double *setting,
                     const char *name)
{
    const int i = find_setting(&class_->info, name, strlen(name));
    assert(i >= 0);
    return setting[i];
}

static enum reel_status check_setting(const char *model, const struct reel_setting *spec,
                                      double value, struct reel_error *err)
{
    const bool is_whole = spec->scale != REEL_SCALE_INTEGER || value == floor(value);
    if (!(value >= spec->low && value <= spec->high) || !is_whole) {
        return fail(err, REEL_EINVAL, "%s: %s=%g is not %s in %g .. %g", model,
                    spec->name, value,
                    spec->scale == REEL_SCALE_INTEGER ? "a whole number" : "a number",
                    spec->low, spec->high);
    }
    return REEL_OK;
}

// NAN when the text is neither a number nor a choice of this setting.
static double read_value(const struct reel_setting *spec, const char *text, size_t n)
{
    char copy[64];
    if (n == 0 || n >= sizeof copy) {
        return NAN;
    }
    memcpy(copy, text, n);
    copy[n] = '\0';
    for (int i = 0; spec->choice && spec->choice[i]; i++) {
        if (strcmp(spec->choice[i], copy) == 0) {
            return i;
        }
    }
    char *end;
    const double value = strtod(copy, &end);
    return *end == '\0' ? value : NAN;
}

enum reel_status reel_settings_parse(const char *model, const char *text,
                                     struct reel_train_options *opt,
                                     struct reel_error *err)
{
    const struct reel_model_class_info *info = reel_model_class_find(model);
    if (!info) {
        return fail(err, REEL_EINVAL, "no model is called '%s'", model);
    }
    while (*(text += strspn(text, " ,")) != '\0') {
        const size_t n = strcspn(text, " ,");
        const char *equals = memchr(text, '=', n);
        const size_t n_name = equals ? (size_t)(equals - text) : n;
        const int i = find_setting(info, text, n_name);
        if (!equals || i < 0) {
            return fail(err, REEL_EINVAL,
                        "%s: '%.*s' is not one of its settings (NAME=VALUE)", model,
                        (int)(n < 60 ? n : 60), text);
        }
        const double value = read_value(&info->setting[i], equals + 1, n - n_name - 1);
        if (isnan(value)) {
            return fail(err, REEL_EINVAL, "%s: '%.*s' is not a value of %s", model,
                        (int)(n < 60 ? n : 60), text, info->setting[i].name);
        }
        const enum reel_status rc = check_setting(model, &info->setting[i], value, err);
        if (rc != REEL_OK) {
            return rc;
        }
        opt->setting[i] = value;
        text += n;
    }
    return REEL_OK;
}

void reel_settings_print(const char *model, const struct reel_train_options *opt,
                         char *text, size_t n_text_bytes)
{
    const struct reel_model_class_info *info = reel_model_class_find(model);
    size_t used = 0;
    text[0] = '\0';
    for (int i = 0; info && i < info->n_settings && used < n_text_bytes; i++) {
        const struct reel_setting *spec = &info->setting[i];
        const double value = isnan(opt->setting[i]) ? spec->standard : opt->setting[i];
        const char *blank = i > 0 ? " " : "";
        const int n = spec->choice ? snprintf(text + used, n_text_bytes - used, "%s%s=%s",
                                              blank, spec->name, spec->choice[(int)value])
                                   : snprintf(text + used, n_text_bytes - used,
                                              "%s%s=%.6g", blank, spec->name, value);
        used += n > 0 ? (size_t)n : 0;
    }
}

static enum reel_status complete_settings(const struct model_class *class_,
                                          struct reel_train_options *opt,
                                          struct reel_error *err)
{
    for (int i = 0; i < class_->info.n_settings; i++) {
        const struct reel_setting *spec = &class_->info.setting[i];
        if (isnan(opt->setting[i])) {
            opt->setting[i] = spec->standard;
        }
        const enum reel_status rc =
            check_setting(class_->info.name, spec, opt->setting[i], err);
        if (rc != REEL_OK) {
            return rc;
        }
    }
    return REEL_OK;
}

/* ---- the block ---- */

static bool lay_out(struct model_header *header, const struct model_section *section,
                    int32_t n_sections)
{
    for (int32_t i = 0; i < n_sections; i++) {
        if (!base_section_place(&header->section[section[i].role], section[i].item_bytes,
                                section[i].n_items, &header->n_block_bytes)) {
            return false;
        }
    }
    return true;
}

static void *section_at(const struct reel_model *model, enum model_role role)
{
    return model->header->section[role].is_present
               ? model->block + model->header->section[role].offset
               : NULL;
}

float *model_floats(const struct reel_model *model, enum model_role role)
{
    return section_at(model, role);
}

int32_t *model_ints(const struct reel_model *model, enum model_role role)
{
    return section_at(model, role);
}

int64_t *model_longs(const struct reel_model *model, enum model_role role)
{
    return section_at(model, role);
}

static void keep_keys(int64_t *to, const int64_t *from, int32_t n)
{
    for (int32_t i = 0; i < n; i++) {
        to[i] = from ? from[i] : i;
    }
}

static void print_settings(struct reel_model *model)
{
    struct reel_train_options opt = reel_train_options_default();
    memcpy(opt.setting, model->header->setting, sizeof opt.setting);
    reel_settings_print(model->class_->info.name, &opt, model->settings,
                        sizeof model->settings);
}

enum reel_status model_create(const struct model_class *class_,
                              const struct reel_training *data,
                              const struct reel_train_options *opt, int32_t n_factors,
                              const struct model_section *section, int32_t n_sections,
                              struct reel_model **out, struct reel_error *err)
{
    const uint64_t n_viewers = (uint64_t)data->chosen.n_rows;
    const uint64_t n_films = (uint64_t)data->chosen.n_cols;
    struct model_header header = {
        .version = FILE_VERSION,
        .oldest_reader = OLDEST_READABLE,
        .n_viewers = data->chosen.n_rows,
        .n_films = data->chosen.n_cols,
        .n_factors = n_factors,
        .n_threads = opt->n_threads,
        .seed = opt->seed,
        .data_version = data->version,
        .n_block_bytes = BASE_BLOCK_HEADER_BYTES,
    };
    memcpy(header.magic, magic, sizeof magic);
    (void)snprintf(header.class_name, sizeof header.class_name, "%s", class_->info.name);
    memcpy(header.setting, opt->setting, sizeof header.setting);
    const struct model_section keys[] = {{MODEL_FILM_KEYS, sizeof(int64_t), n_films},
                                         {MODEL_VIEWER_KEYS, sizeof(int64_t), n_viewers}};
    *out = NULL;
    struct reel_model *model = base_alloc_zeroed(1, sizeof *model);
    if (model && lay_out(&header, keys, 2) && lay_out(&header, section, n_sections)) {
        model->block = base_alloc_aligned(header.n_block_bytes, 1);
    }
    if (!model || !model->block) {
        reel_model_free(model);
        return fail(err, REEL_ENOMEM, "%s of %d viewers and %d films needs %llu MiB",
                    class_->info.name, header.n_viewers, header.n_films,
                    (unsigned long long)(header.n_block_bytes >> 20));
    }
    memset(model->block, 0, header.n_block_bytes);
    memcpy(model->block, &header, sizeof header);
    model->header = (struct model_header *)model->block;
    model->class_ = class_;
    keep_keys(model_longs(model, MODEL_FILM_KEYS), data->film_key, header.n_films);
    keep_keys(model_longs(model, MODEL_VIEWER_KEYS), data->viewer_key, header.n_viewers);
    print_settings(model);
    *out = model;
    return REEL_OK;
}

void reel_model_free(struct reel_model *model)
{
    if (model) {
        for (int32_t i = 0; i < model->n_members; i++) {
            reel_model_free(model->member[i]);
        }
        if (model->is_member) {
            // the block goes with the model around it
        } else if (model->map.data) {
            base_file_map_close(&model->map);
        } else {
            base_free(model->block);
        }
        base_free(model);
    }
}

enum reel_status reel_model_save(const struct reel_model *model, const char *path,
                                 struct reel_error *err)
{
    struct model_header header = *model->header;
    header.check = model_header_sum(&header);
    return base_file_write(path, &header, sizeof header, model->block + sizeof header,
                           header.n_block_bytes - sizeof header, err);
}

static enum reel_status check_header(const struct model_header *header,
                                     uint64_t n_file_bytes, const char *path,
                                     struct reel_error *err)
{
    if (memcmp(header->magic, magic, sizeof magic) != 0) {
        return fail(err, REEL_EFORMAT, "%s: not a model file of forkreel", path);
    }
    if (header->oldest_reader > FILE_VERSION) {
        return fail(err, REEL_EVERSION, "%s: layout %u needs a newer forkreel", path,
                    header->version);
    }
    if (header->version < OLDEST_READABLE) {
        return fail(err, REEL_EVERSION, "%s: layout %u is too old; train it again", path,
                    header->version);
    }
    if (header->check != model_header_sum(header)) {
        return fail(err, REEL_EFORMAT, "%s: damaged header", path);
    }
    if (header->n_block_bytes != n_file_bytes) {
        return fail(err, REEL_EFORMAT, "%s: %llu bytes where the header says %llu", path,
                    (unsigned long long)n_file_bytes,
                    (unsigned long long)header->n_block_bytes);
    }
    if (header->n_viewers < 0 || header->n_films < 1 || header->n_factors < 0 ||
        header->n_factors > 1 << 16 || memchr(header->class_name, 0, 32) == NULL) {
        return fail(err, REEL_EFORMAT, "%s: %d viewers, %d films, %d factors", path,
                    header->n_viewers, header->n_films, header->n_factors);
    }
    struct reel_error inner = {0};
    const enum reel_status rc =
        base_sections_check(header->section, MODEL_N_ROLES, n_file_bytes, &inner);
    return rc ? fail(err, rc, "%s: %s", path, inner.text) : REEL_OK;
}

// In a file every setting is a number: "the standard" may be another one tomorrow.
static enum reel_status check_settings(const struct model_class *class_,
                                       const struct model_header *header,
                                       struct reel_error *err)
{
    for (int i = 0; i < class_->info.n_settings; i++) {
        struct reel_error inner = {0};
        if (check_setting(class_->info.name, &class_->info.setting[i], header->setting[i],
                          &inner) != REEL_OK) {
            return fail(err, REEL_EFORMAT, "%s", inner.text);
        }
    }
    return REEL_OK;
}

static enum reel_status adopt(struct reel_model *model, const void *block, size_t n_bytes,
                              const char *path, struct reel_error *err)
{
    if (n_bytes < BASE_BLOCK_HEADER_BYTES) {
        return fail(err, REEL_EFORMAT, "%s: %zu bytes are too few for a model", path,
                    n_bytes);
    }
    model->block = (unsigned char *)(uintptr_t)block;
    model->header = (struct model_header *)model->block;
    enum reel_status rc = check_header(model->header, n_bytes, path, err);
    if (rc != REEL_OK) {
        return rc;
    }
    model->class_ = find_class(model->header->class_name);
    if (!model->class_) {
        return fail(err, REEL_EVERSION, "%s: no model is called '%s' here", path,
                    model->header->class_name);
    }
    struct reel_error inner = {0};
    rc = check_settings(model->class_, model->header, &inner);
    rc = rc ? rc
            : model_check_section(model, MODEL_FILM_KEYS, sizeof(int64_t),
                                  (uint64_t)model->header->n_films, &inner);
    rc = rc ? rc
            : model_check_section(model, MODEL_VIEWER_KEYS, sizeof(int64_t),
                                  (uint64_t)model->header->n_viewers, &inner);
    rc = rc || model->is_member ? rc : model_attach_members(model, &inner);
    rc = rc ? rc : model->class_->check(model, &inner);
    if (rc != REEL_OK) {
        return fail(err, rc, "%s: %s", path, inner.text);
    }
    print_settings(model);
    return REEL_OK;
}

/* ---- models in a model ---- */

uint64_t model_block_bytes(const struct reel_model *model)
{
    return model->header->n_block_bytes;
}

void model_embed(struct reel_model *model, int32_t i, const struct reel_model *member)
{
    unsigned char *to = section_at(model, (enum model_role)(MODEL_MEMBER + i));
    struct model_header *header = (struct model_header *)to;
    memcpy(to, member->block, member->header->n_block_bytes);
    header->check = model_header_sum(header);
}

enum reel_status model_attach_members(struct reel_model *model, struct reel_error *err)
{
    while (model->n_members < MODEL_MEMBERS_MAX) {
        const int32_t i = model->n_members;
        const enum model_role role = (enum model_role)(MODEL_MEMBER + i);
        char name[32];
        if (!model->header->section[role].is_present) {
            break;
        }
        struct reel_model *member = base_alloc_zeroed(1, sizeof *member);
        if (!member) {
            return fail(err, REEL_ENOMEM, "member %d", i);
        }
        member->is_member = true;
        model->member[model->n_members++] = member;
        (void)snprintf(name, sizeof name, "member %d", i);
        const enum reel_status rc =
            model->header->section[role].item_bytes != 1
                ? fail(err, REEL_EFORMAT, "%s is no block of bytes", name)
                : adopt(member, section_at(model, role),
                        model->header->section[role].n_items, name, err);
        if (rc != REEL_OK) {
            return rc;
        }
        if (member->header->n_films != model->header->n_films) {
            return fail(err, REEL_EFORMAT, "%s knows %d films of %d", name,
                        member->header->n_films, model->header->n_films);
        }
    }
    return REEL_OK;
}

enum reel_status reel_model_open(const char *path, struct reel_model **out,
                                 struct reel_error *err)
{
    *out = NULL;
    struct reel_model *model = base_alloc_zeroed(1, sizeof *model);
    if (!model) {
        return fail(err, REEL_ENOMEM, "%s: out of memory", path);
    }
    enum reel_status rc = base_file_map_open(&model->map, path, err);
    rc = rc ? rc : adopt(model, model->map.data, model->map.n_bytes, path, err);
    if (rc != REEL_OK) {
        reel_model_free(model);
        return rc;
    }
    *out = model;
    return REEL_OK;
}

enum reel_status model_check_section(const struct reel_model *model, enum model_role role,
                                     uint32_t item_bytes, uint64_t n_items,
                                     struct reel_error *err)
{
    return base_section_expect(model->header->section, (int32_t)role, item_bytes, n_items,
                               err);
}

struct reel_csr model_csr(const struct reel_model *model, enum model_role start_role,
                          int32_t n_rows, int32_t n_cols)
{
    return (struct reel_csr){
        .n_rows = n_rows,
        .n_cols = n_cols,
        .start = model_longs(model, start_role),
        .col = model_ints(model, start_role + 1),
        .value = model_floats(model, start_role + 2),
    };
}

enum reel_status model_check_csr(const struct reel_model *model,
                                 enum model_role start_role, int32_t n_rows,
                                 int32_t n_cols, struct reel_error *err)
{
    enum reel_status rc = model_check_section(model, start_role, sizeof(int64_t),
                                              (uint64_t)n_rows + 1, err);
    if (rc != REEL_OK) {
        return rc;
    }
    // The last start says how many entries belong: rows must ascend to it before any is read.
    const int64_t *start = model_longs(model, start_role);
    for (int32_t r = 0; r < n_rows; r++) {
        if (start[r + 1] < start[r]) {
            return fail(err, REEL_EFORMAT, "row %d ends before it starts", r);
        }
    }
    const uint64_t n_entries = (uint64_t)start[n_rows];
    rc = model_check_section(model, start_role + 1, sizeof(int32_t), n_entries, err);
    if (rc == REEL_OK && model->header->section[start_role + 2].is_present) {
        rc = model_check_section(model, start_role + 2, sizeof(float), n_entries, err);
    }
    if (rc == REEL_OK) {
        const struct reel_csr csr = model_csr(model, start_role, n_rows, n_cols);
        rc = base_csr_check(&csr, err) == REEL_OK ? REEL_OK : REEL_EFORMAT;
    }
    return rc;
}

/* ---- what callers ask ---- */

const char *reel_model_name(const struct reel_model *model)
{
    return model->class_->info.name;
}

int32_t reel_model_n_films(const struct reel_model *model)
{
    return model->header->n_films;
}

int32_t reel_model_n_viewers(const struct reel_model *model)
{
    return model->header->n_viewers;
}

const int64_t *reel_model_film_keys(const struct reel_model *model)
{
    return model_longs(model, MODEL_FILM_KEYS);
}

const int64_t *reel_model_viewer_keys(const struct reel_model *model)
{
    return model_longs(model, MODEL_VIEWER_KEYS);
}

int64_t reel_model_version(const struct reel_model *model)
{
    return model->header->data_version;
}

uint64_t reel_model_seed(const struct reel_model *model)
{
    return model->header->seed;
}

const char *reel_model_settings(const struct reel_model *model)
{
    return model->settings;
}

const float *reel_model_film_vectors(const struct reel_model *model, int32_t *n_factors)
{
    *n_factors = model->header->n_factors;
    return model_floats(model, MODEL_FILM_VECTORS);
}

static enum reel_status check_training(const struct reel_training *data,
                                       struct reel_error *err)
{
    const struct reel_csr *chosen = &data->chosen;
    if (chosen->n_rows < 1 || chosen->n_cols < 1 || !chosen->start ||
        chosen->start[chosen->n_rows] < 1) {
        return fail(err, REEL_EINVAL,
                    "nothing to learn from: %d viewers, %d films, no choice",
                    chosen->n_rows, chosen->n_cols);
    }
    enum reel_status rc = base_csr_check(chosen, err);
    for (int64_t e = 0;
         rc == REEL_OK && chosen->value && e < chosen->start[chosen->n_rows]; e++) {
        if (!(chosen->value[e] > 0 && chosen->value[e] < 1e6F)) {
            rc = fail(err, REEL_EINVAL, "entry %lld: weight %g is not in (0, 1e6)",
                      (long long)e, chosen->value[e]);
        }
    }
    return rc;
}

enum reel_status reel_model_train(const char *name, const struct reel_training *data,
                                  const struct reel_train_options *opt,
                                  struct reel_model **out, struct reel_error *err)
{
    *out = NULL;
    const struct model_class *class_ = find_class(name);
    if (!class_) {
        return fail(err, REEL_EINVAL, "no model is called '%s'", name);
    }
    struct reel_train_options complete = *opt;
    enum reel_status rc = complete_settings(class_, &complete, err);
    rc = rc ? rc : check_training(data, err);
    struct base_pool *pool = NULL;
    rc = rc ? rc : base_pool_create(opt->n_threads, &pool, err);
    if (rc != REEL_OK) {
        return rc;
    }
    base_linalg_threads(1);
    rc = class_->train(class_, data, &complete, pool, out, err);
    base_pool_free(pool);
    if (rc != REEL_OK) {
        reel_model_free(*out);
        *out = NULL;
    }
    return rc;
}

enum reel_status model_check_query(const struct reel_model *model,
                                   const struct reel_query *query, struct reel_error *err)
{
    int32_t last = -1;
    for (int32_t i = 0; i < query->n; i++) {
        if (query->film[i] <= last || query->film[i] >= model->header->n_films) {
            return fail(err, REEL_EINVAL, "history entry %d: film %d after %d of %d", i,
                        query->film[i], last, model->header->n_films);
        }
        if (query->value && !(query->value[i] > 0 && query->value[i] < 1e6F)) {
            return fail(err, REEL_EINVAL,
                        "history entry %d: weight %g is not in (0, 1e6)", i,
                        query->value[i]);
        }
        last = query->film[i];
    }
    return REEL_OK;
}

enum reel_status reel_model_score(const struct reel_model *model,
                                  const struct reel_query *query, float *score,
                                  struct reel_error *err)
{
    const enum reel_status rc = model_check_query(model, query, err);
    return rc ? rc : model->class_->score(model, query, score, err);
}

static int by_size_of_part(const void *a, const void *b)
{
    const struct reel_part *x = a, *y = b;
    const float size_x = fabsf(x->amount), size_y = fabsf(y->amount);
    return size_x != size_y ? (size_x < size_y) - (size_x > size_y)
                            : (x->film > y->film) - (x->film < y->film);
}

enum reel_status reel_model_explain(const struct reel_model *model,
                                    const struct reel_query *query, int32_t film,
                                    struct reel_part *part, int32_t *n, float *score,
                                    float *rest, struct reel_error *err)
{
    enum reel_status rc = model_check_query(model, query, err);
    if (rc == REEL_OK && (film < 0 || film >= model->header->n_films)) {
        rc = fail(err, REEL_EINVAL, "film %d is not one of %d", film,
                  model->header->n_films);
    }
    *n = 0;
    rc = rc ? rc : model->class_->explain(model, query, film, part, rest, err);
    if (rc != REEL_OK) {
        return rc;
    }
    double sum = *rest;
    for (int32_t i = 0; i < query->n; i++) {
        sum += part[i].amount;
        if (part[i].amount != 0) {
            part[(*n)++] = part[i];
        }
    }
    *score = (float)sum;
    qsort(part, (size_t)*n, sizeof *part, by_size_of_part);
    return REEL_OK;
}
