/** JSON for --json: one document, indented, numbers as short as float allows. */
#include "cli.h"

#include <math.h>
#include <stdlib.h>

json_t *cli_json_text(const char *text)
{
    if (!text) {
        return json_null();
    }
    json_t *json = json_string(text);
    if (!json) { // broken UTF-8 must not break the document
        char *clean = cli_clean(text);
        json = json_string(clean);
        free(clean);
    }
    return cli_need(json);
}

json_t *cli_json_real(double value)
{
    return isfinite(value) ? cli_need(json_real(value)) : json_null();
}

json_t *cli_json_year(int32_t year)
{
    return year > 0 ? cli_need(json_integer(year)) : json_null();
}

enum cli_exit cli_json_show(json_t *root)
{
    cli_need(root);
    const int rc = json_dumpf(root, stdout, JSON_INDENT(2) | JSON_REAL_PRECISION(7));
    json_decref(root);
    putchar('\n');
    return rc ? CLI_FAILED : CLI_DONE;
}
