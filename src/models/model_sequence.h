/** What a test asks of the sequence model: the same score by the graph that was trained. */
#ifndef MODEL_SEQUENCE_H
#define MODEL_SEQUENCE_H

#include "model_core.h"

/** The naive twin of reel_model_score for class "sequence": ggml runs the training graph. */
enum reel_status sequence_score_by_graph(const struct reel_model *model,
                                         const struct reel_query *query, float *score,
                                         struct reel_error *err) REEL_CHECKED;

#endif
