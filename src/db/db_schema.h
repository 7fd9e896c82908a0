/** The tables, as a list of steps from one version to the next. */
#ifndef DB_SCHEMA_H
#define DB_SCHEMA_H

#include "db_sql.h"

#define DB_APPLICATION_ID 0x464b524c /* "FKRL" at offset 68 of the file */

/** step[v] leads from version v to v + 1. */
struct db_schema {
    const char *const *step;
    int32_t n_steps;
};
extern const struct db_schema db_schema_current;

/**
 * Version of the file, 0 for an empty one. Writes nothing.
 * Errors: REEL_EFORMAT not ours or damaged; REEL_EVERSION newer than `schema`, or older in
 *         a read-only store.
 */
enum reel_status db_schema_check(struct reel_store *store, const struct db_schema *schema,
                                 int64_t *version, struct reel_error *err) REEL_CHECKED;
/** Bring a checked file to the last version in one transaction, or leave it as it was. */
enum reel_status db_schema_migrate(struct reel_store *store,
                                   const struct db_schema *schema,
                                   struct reel_error *err) REEL_CHECKED;

/** reel_store_open with another list of steps. */
enum reel_status db_store_open(const char *path, int flags,
                               const struct db_schema *schema, struct reel_store **out,
                               struct reel_error *err) REEL_CHECKED;

#endif
