/*
 * The command that a log ends with (declared in tools/next_step.h).
 */
#include "tools/next_step.h"
#include "core/text.h"
#include "tools/console.h"

#include <stdlib.h>

FILE *next_step_begin(next_step *self, const char *command)
{
    *self = (next_step){0};
    self->out = kin_text_stream(&self->text, &self->bytes);
    if (self->out)
        fputs(command, self->out);
    return self->out;
}

void next_step_end(next_step *self)
{
    if (!self->out)
        return;
    if (fclose(self->out) == 0)
        console_info("Next: %s", self->text);
    free(self->text);
}
