/** The records of all commands. */
#ifndef CLI_COMMANDS_H
#define CLI_COMMANDS_H

#include "cli.h"

extern const struct cli_command cmd_import, cmd_films, cmd_show, cmd_viewers, cmd_train,
    cmd_evaluate, cmd_recommend, cmd_rate, cmd_watch, cmd_like, cmd_dislike, cmd_skip,
    cmd_replay, cmd_choose, cmd_lm, cmd_review, cmd_fork, cmd_stories, cmd_story,
    cmd_play, cmd_dialogue, cmd_export, cmd_text, cmd_help, cmd_welcome, cmd_profile,
    cmd_privacy;

#endif
