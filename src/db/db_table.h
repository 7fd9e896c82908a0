/** What the film table makes of single values. */
#ifndef DB_TABLE_H
#define DB_TABLE_H

#include <stdint.h>

/** Youngest age of an age rating as any board writes it ("PG-13", "FSK 16"); -1 unknown. */
int32_t db_table_min_age(const char *rating);

#endif
