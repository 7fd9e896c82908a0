/** Every command, in the order of help. A new one: its record here and in cli_commands.h. */
#include "cli_commands.h"

const struct cli_command *const cli_commands[] = {
    &cmd_import,   &cmd_films,     &cmd_show,     &cmd_viewers, &cmd_train,
    &cmd_evaluate, &cmd_recommend, &cmd_welcome,  &cmd_profile, &cmd_privacy,
    &cmd_rate,     &cmd_watch,     &cmd_like,     &cmd_dislike, &cmd_skip,
    &cmd_replay,   &cmd_choose,    &cmd_review,   &cmd_fork,    &cmd_stories,
    &cmd_story,    &cmd_play,      &cmd_dialogue, &cmd_export,  &cmd_lm,
    &cmd_text,     &cmd_help,      NULL,
};
