#include "kin/texts.h"
#include "core/json.h"
#include "core/manifest.h"

#include <stdlib.h>

int kin_json_text_new(char **out, json_t *document, kin_error *err)
{
    char *text = kin_json_dump(document, JSON_INDENT(2) | JSON_REAL_PRECISION(KIN_MANIFEST_DIGITS));
    json_decref(document);
    if (!text)
        return kin_fail_alloc(err, "JSON document", 0);
    *out = text;
    return 0;
}

void kin_string_free(char *text)
{
    free(text);
}
