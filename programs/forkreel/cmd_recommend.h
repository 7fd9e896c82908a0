/** What `recommend` shares with its list of films and branches. */
#ifndef CMD_RECOMMEND_H
#define CMD_RECOMMEND_H

#include "cli_list.h"

/** A viewer and what their list is made from; the session holds everybody's history. */
struct joint_query {
    struct session *s;
    const char *name;
    int64_t key;
    const struct list_viewer *viewer;
    const struct list_beside *beside;
    const struct reel_model *model; /* or welcome */
    const struct reel_welcome *welcome;
    const struct reel_list_options *list;
    struct reel_joint_weights weights;
};
/** Rank, show. */
enum cli_exit recommend_joint(const struct joint_query *query);

#endif
