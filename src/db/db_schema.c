/**
 * What the database file holds. A step that was published is never edited: a change is a
 * further step.
 *
 * `history` has one row for each viewer, with all events in one blob of sorted records
 * (db_event.h). One row for each event was tried first: in key order through a virtual
 * table, 360 ns of the processor went into each row, 200 ns into reading it back, and an
 * import of ten million took half as long again as it may. A blob costs one statement for
 * each viewer, makes the file half as large, and is read as it lies. The price: one more
 * event writes the viewer's blob again (16 bytes for each event, 16 kB for a thousand),
 * which is less than what syncing it costs. What is asked by film is counted in `film_count`
 * as events come and go. `note` holds the words of tags and reviews; each has its record in
 * `history` as well.
 */
#include "db_schema.h"
#include "base_error.h"

#include <inttypes.h>

static const char first_step[] =
    "CREATE TABLE state ("
    "  name TEXT NOT NULL PRIMARY KEY, value INTEGER NOT NULL) STRICT, WITHOUT ROWID;"
    "INSERT INTO state VALUES ('version', 1);"

    "CREATE TABLE film ("
    "  key INTEGER PRIMARY KEY AUTOINCREMENT,"
    "  source TEXT, source_id TEXT," // the first name that a source gave it
    "  title TEXT, title_original TEXT, year INTEGER, language TEXT, runtime_min INTEGER,"
    "  age_rating TEXT, overview TEXT, tagline TEXT,"
    "  popularity REAL, vote_mean REAL, n_votes INTEGER) STRICT;"
    // Every name by which a source knows a film; 'imdb', 'tmdb', 'douban' among the
    // sources. Source 'title' holds films that were only ever named by title.
    "CREATE TABLE film_ref ("
    "  source TEXT NOT NULL, id TEXT NOT NULL, film INTEGER NOT NULL REFERENCES "
    "film(key),"
    "  PRIMARY KEY (source, id)) STRICT, WITHOUT ROWID;"
    "CREATE INDEX film_ref_film ON film_ref(film);"
    "CREATE TABLE film_title ("
    "  film INTEGER NOT NULL REFERENCES film(key), text TEXT NOT NULL, language TEXT,"
    "  title_key TEXT NOT NULL, PRIMARY KEY (film, text)) STRICT, WITHOUT ROWID;"
    "CREATE INDEX film_title_key ON film_title(title_key);"
    "CREATE TABLE film_link ("
    "  film INTEGER NOT NULL REFERENCES film(key), site TEXT NOT NULL, value TEXT NOT "
    "NULL,"
    "  PRIMARY KEY (film, site, value)) STRICT, WITHOUT ROWID;"
    "CREATE INDEX film_link_site ON film_link(site, value);"

    "CREATE TABLE genre (key INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE) STRICT;"
    "CREATE TABLE keyword (key INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE) STRICT;"
    "CREATE TABLE country (key INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE) STRICT;"
    "CREATE TABLE person (key INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE) STRICT;"
    "CREATE TABLE film_genre ("
    "  film INTEGER NOT NULL REFERENCES film(key),"
    "  genre INTEGER NOT NULL REFERENCES genre(key), place INTEGER NOT NULL,"
    "  PRIMARY KEY (film, genre)) STRICT, WITHOUT ROWID;"
    "CREATE TABLE film_keyword ("
    "  film INTEGER NOT NULL REFERENCES film(key),"
    "  keyword INTEGER NOT NULL REFERENCES keyword(key), place INTEGER NOT NULL,"
    "  PRIMARY KEY (film, keyword)) STRICT, WITHOUT ROWID;"
    "CREATE TABLE film_country ("
    "  film INTEGER NOT NULL REFERENCES film(key),"
    "  country INTEGER NOT NULL REFERENCES country(key), place INTEGER NOT NULL,"
    "  PRIMARY KEY (film, country)) STRICT, WITHOUT ROWID;"
    "CREATE TABLE film_person ("
    "  film INTEGER NOT NULL REFERENCES film(key),"
    "  person INTEGER NOT NULL REFERENCES person(key), role INTEGER NOT NULL,"
    "  place INTEGER NOT NULL, character TEXT,"
    "  PRIMARY KEY (film, person, role)) STRICT, WITHOUT ROWID;"

    "CREATE TABLE viewer ("
    "  key INTEGER PRIMARY KEY AUTOINCREMENT, name TEXT NOT NULL UNIQUE) STRICT;"
    "CREATE TABLE viewer_trait ("
    "  viewer INTEGER NOT NULL REFERENCES viewer(key), name TEXT NOT NULL,"
    "  value TEXT NOT NULL, PRIMARY KEY (viewer, name)) STRICT, WITHOUT ROWID;"
    // All events of a viewer: records of db_event.h, ascending.
    "CREATE TABLE history ("
    "  viewer INTEGER PRIMARY KEY REFERENCES viewer(key), events BLOB NOT NULL) STRICT;"
    "CREATE TABLE note ("
    "  viewer INTEGER NOT NULL REFERENCES viewer(key),"
    "  film INTEGER NOT NULL REFERENCES film(key), kind INTEGER NOT NULL,"
    "  at_s INTEGER NOT NULL, text TEXT NOT NULL,"
    "  PRIMARY KEY (viewer, film, kind, at_s, text)) STRICT, WITHOUT ROWID;"
    "CREATE INDEX note_film ON note(film, kind);"
    "CREATE TABLE film_count ("
    "  film INTEGER PRIMARY KEY REFERENCES film(key), n_events INTEGER NOT NULL,"
    "  n_ratings INTEGER NOT NULL, n_watches INTEGER NOT NULL, n_likes INTEGER NOT NULL,"
    "  sum_stars REAL NOT NULL) STRICT;"

    "CREATE TABLE triple ("
    "  head TEXT NOT NULL, relation TEXT NOT NULL, tail TEXT NOT NULL,"
    "  PRIMARY KEY (head, relation, tail)) STRICT, WITHOUT ROWID;"
    "CREATE TABLE import_log ("
    "  key INTEGER PRIMARY KEY, label TEXT, at_s INTEGER NOT NULL,"
    "  n_accepted INTEGER NOT NULL, n_already_there INTEGER NOT NULL,"
    "  n_refused INTEGER NOT NULL, n_doubtful INTEGER NOT NULL) STRICT;"
    "CREATE TABLE doubtful_join ("
    "  film INTEGER NOT NULL REFERENCES film(key),"
    "  other INTEGER NOT NULL REFERENCES film(key), reason TEXT NOT NULL,"
    "  file TEXT, line INTEGER, PRIMARY KEY (film, other)) STRICT, WITHOUT ROWID;"
    "CREATE TABLE trial ("
    "  key INTEGER PRIMARY KEY, model TEXT NOT NULL, settings TEXT NOT NULL,"
    "  measure TEXT NOT NULL, score REAL NOT NULL, at_s INTEGER NOT NULL,"
    "  data_version INTEGER NOT NULL) STRICT;"
    "CREATE INDEX trial_model ON trial(model, score);";

static const char search_step[] =
    // One row per film, already cut into words (base_text_words), blanks between.
    "CREATE VIRTUAL TABLE film_words USING fts5(title, people, genres, tokenize ="
    " \"unicode61 remove_diacritics 0\");";

static const char stories_step[] =
    "ALTER TABLE film ADD COLUMN story TEXT;" // the premise document of docs/catalogue.md
    "CREATE TABLE choice ("
    "  key INTEGER PRIMARY KEY, viewer INTEGER NOT NULL REFERENCES viewer(key),"
    "  film INTEGER, story TEXT NOT NULL, node INTEGER NOT NULL,"
    "  from_event TEXT NOT NULL, to_event TEXT NOT NULL,"
    "  shown TEXT NOT NULL," // events of all branches shown, one blank between
    "  at_s INTEGER NOT NULL) STRICT;"
    "CREATE INDEX choice_viewer ON choice(viewer);";

static const char profile_step[] =
    // What a viewer said about their taste: kind and name as in enum reel_edit_kind.
    "CREATE TABLE profile_edit ("
    "  viewer INTEGER NOT NULL REFERENCES viewer(key), kind INTEGER NOT NULL,"
    "  name TEXT NOT NULL, amount REAL NOT NULL,"
    "  PRIMARY KEY (viewer, kind, name)) STRICT, WITHOUT ROWID;"
    // Films whose events tell nothing of the viewer's taste.
    "CREATE TABLE profile_forgotten ("
    "  viewer INTEGER NOT NULL REFERENCES viewer(key), film INTEGER NOT NULL,"
    "  PRIMARY KEY (viewer, film)) STRICT, WITHOUT ROWID;";

static const char feedback_step[] =
    // Where an event of `history` happened: the words of feedback.h.
    "CREATE TABLE situation ("
    "  viewer INTEGER NOT NULL REFERENCES viewer(key),"
    "  film INTEGER NOT NULL REFERENCES film(key), kind INTEGER NOT NULL,"
    "  at_s INTEGER NOT NULL, value REAL, context TEXT NOT NULL,"
    "  PRIMARY KEY (viewer, film, kind, at_s)) STRICT, WITHOUT ROWID;"
    "CREATE TABLE shown ("
    "  key INTEGER PRIMARY KEY, viewer INTEGER NOT NULL REFERENCES viewer(key),"
    "  kind INTEGER NOT NULL, policy TEXT NOT NULL, story TEXT, node INTEGER NOT NULL,"
    "  context TEXT, at_s INTEGER NOT NULL, taken INTEGER, reward REAL) STRICT;"
    "CREATE INDEX shown_viewer ON shown(viewer, at_s);"
    "CREATE TABLE shown_item ("
    "  shown INTEGER NOT NULL REFERENCES shown(key) ON DELETE CASCADE,"
    "  place INTEGER NOT NULL, item INTEGER NOT NULL, propensity REAL NOT NULL,"
    "  about TEXT, PRIMARY KEY (shown, place)) STRICT, WITHOUT ROWID;"
    // What was learned of one viewer, such as a bandit; bytes of whoever made them.
    "CREATE TABLE viewer_state ("
    "  viewer INTEGER NOT NULL REFERENCES viewer(key), name TEXT NOT NULL,"
    "  bytes BLOB NOT NULL, PRIMARY KEY (viewer, name)) STRICT, WITHOUT ROWID;";

static const char *const steps[] = {first_step, search_step, stories_step, profile_step,
                                    feedback_step};

const struct db_schema db_schema_current = {steps, sizeof steps / sizeof steps[0]};

enum reel_status db_schema_check(struct reel_store *store, const struct db_schema *schema,
                                 int64_t *version, struct reel_error *err)
{
    int64_t application = 0, n_tables = 0;
    *version = 0;
    enum reel_status rc =
        db_sql_int(store, "PRAGMA application_id", &application, err, "");
    rc = rc ? rc : db_sql_int(store, "PRAGMA user_version", version, err, "");
    rc = rc ? rc
            : db_sql_int(store, "SELECT count(*) FROM sqlite_schema", &n_tables, err, "");
    if (rc) {
        return rc;
    }
    const char *path = store->path;
    const int known = schema->n_steps;
    if (application != DB_APPLICATION_ID && (application || n_tables || *version)) {
        return fail(err, REEL_EFORMAT, "%s: a database, but not forkreel's", path);
    }
    if (*version < 0 || *version > known) {
        return fail(err, REEL_EVERSION,
                    "%s: database of version %" PRId64 ", this forkreel knows up to %d",
                    path, *version, known);
    }
    if (*version < known && store->is_read_only) {
        return fail(err, REEL_EVERSION,
                    "%s: database of version %" PRId64 ", open it once for writing", path,
                    *version);
    }
    return REEL_OK;
}

static enum reel_status steps_run(struct reel_store *store,
                                  const struct db_schema *schema, struct reel_error *err)
{
    int64_t version;
    // Read again under the lock: another process may have been faster.
    enum reel_status rc = db_schema_check(store, schema, &version, err);
    for (; rc == REEL_OK && version < schema->n_steps; version++) {
        rc = db_sql_exec(store, schema->step[version], err);
    }
    if (rc) {
        return rc;
    }
    char text[96];
    (void)snprintf(text, sizeof text,
                   "PRAGMA application_id = %d; PRAGMA user_version = %" PRId64,
                   DB_APPLICATION_ID, version);
    return db_sql_exec(store, text, err);
}

enum reel_status db_schema_migrate(struct reel_store *store,
                                   const struct db_schema *schema, struct reel_error *err)
{
    const enum reel_status rc = db_sql_begin(store, err);
    return rc ? rc : db_sql_end(store, steps_run(store, schema, err), err);
}
