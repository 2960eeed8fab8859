/* From C: the graph of text.npy and image.npy, in the folder `graph`. */
#include <kin/kin.h>
#include <stdio.h>

static int progress(void *self, int event, const char *text, size_t done, size_t total)
{
    (void)text;
    if (event == KIN_EVENT_PROGRESS)
        fprintf(self, "%zu of %zu items\n", done, total);
    return 0; /* go on */
}

int main(void)
{
    const char *options[] = {"out=graph", NULL};
    kin_error err = {0};
    kin_input *input = kin_input_new();
    if (kin_input_add_file(input, "text", 0.6, "text.npy", &err) != 0 ||
        kin_input_add_file(input, "image", 0.4, "image.npy", &err) != 0 ||
        kin_build(NULL, input, options, NULL, progress, stdout, &err) != 0)
        fprintf(stderr, "%s\nhint: %s\n", err.message, err.hint);
    kin_input_free(input);
    return -err.code;
}
