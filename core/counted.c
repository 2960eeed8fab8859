#include "core/counted.h"

#include <assert.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

kin_counted kin_noun(size_t count, const char *noun)
{
    kin_counted out;
    size_t length = strlen(noun);
    assert(length > 1 && length <= 40);
    bool ends_in_y = noun[length - 1] == 'y' && !strchr("aeiou", noun[length - 2]);
    snprintf(out.text, sizeof out.text, "%.*s%s",
             (int)(count != 1 && ends_in_y ? length - 1 : length), noun,
             count == 1  ? ""
             : ends_in_y ? "ies"
                         : "s");
    return out;
}

kin_counted kin_count(size_t count, const char *noun)
{
    kin_counted out;
    snprintf(out.text, sizeof out.text, "%zu %.48s", count, kin_noun(count, noun).text);
    return out;
}
