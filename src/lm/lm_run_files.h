/** Where a run keeps what, shared by its writer (lm_run.c) and its reader (lm_runs.c). */
#ifndef LM_RUN_FILES_H
#define LM_RUN_FILES_H

enum { LM_RUN_NAME_BYTES = 128 };
#define LM_RUN_JSON "run.json"
#define LM_RUN_EVENTS "events.out.tfevents.forkreel"

/** FOLDER/NAME/FILE, or FOLDER/NAME where `file` is NULL; base_free it. NULL: no memory. */
char *lm_run_path(const char *folder, const char *name, const char *file);

#endif
