/**
 * @file forkreel.h
 * All of the library. Link with `pkg-config --libs forkreel`.
 */
#ifndef FORKREEL_H
#define FORKREEL_H

#include <forkreel/branch.h>
#include <forkreel/catalog.h>
#include <forkreel/chart.h>
#include <forkreel/cold.h>
#include <forkreel/curve.h>
#include <forkreel/features.h>
#include <forkreel/feedback.h>
#include <forkreel/lm.h>
#include <forkreel/lm_files.h>
#include <forkreel/lm_runs.h>
#include <forkreel/lm_train.h>
#include <forkreel/matrix.h>
#include <forkreel/model.h>
#include <forkreel/profile.h>
#include <forkreel/rank.h>
#include <forkreel/status.h>
#include <forkreel/store.h>
#include <forkreel/story.h>
#include <forkreel/taste.h>
#include <forkreel/text.h>

#endif
