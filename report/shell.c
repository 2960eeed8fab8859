/*
 * Words for a shell (declared in report/shell.h).
 */
#include "report/shell.h"
#include "core/plain.h"

#include <string.h>

/* What means nothing to any shell, wherever it stands in a word. */
static bool is_bare(char c)
{
    static const char bare[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"
                               "_-+=:,./@%";
    return c && strchr(bare, c);
}

typedef enum quoting { BARE, QUOTED, ESCAPED } quoting;

static quoting quoting_of(kin_span word)
{
    /* zsh looks up what follows a first "=" */
    quoting out = word.length == 0 || word.text[0] == '=' ? QUOTED : BARE;
    for (size_t i = 0, bytes; i < word.length; i += bytes) {
        if (!kin_plain_character(word.text + i, word.length - i, &bytes))
            return ESCAPED;
        if (bytes > 1 || !is_bare(word.text[i]))
            out = QUOTED;
    }
    return out;
}

/* $'...': what may not stand there as it is, in three octal digits a byte. */
static void write_escaped(FILE *out, kin_span word)
{
    fputs("$'", out);
    for (size_t i = 0, bytes; i < word.length; i += bytes) {
        bool plain = kin_plain_character(word.text + i, word.length - i, &bytes);
        bool special = word.text[i] == '\'' || word.text[i] == '\\';
        for (size_t j = 0; j < bytes; j++) {
            unsigned char c = (unsigned char)word.text[i + j];
            if (!plain)
                fprintf(out, "\\%03o", c);
            else
                fprintf(out, "%s%c", special ? "\\" : "", c);
        }
    }
    putc('\'', out);
}

static void write_quoted(FILE *out, kin_span word)
{
    putc('\'', out);
    for (size_t i = 0; i < word.length; i++)
        if (word.text[i] == '\'')
            fputs("'\\''", out);
        else
            putc(word.text[i], out);
    putc('\'', out);
}

void kin_shell_word(FILE *out, kin_span word)
{
    switch (quoting_of(word)) {
    case BARE:
        fwrite(word.text, 1, word.length, out);
        break;
    case QUOTED:
        write_quoted(out, word);
        break;
    case ESCAPED:
        write_escaped(out, word);
        break;
    }
}

void kin_shell_operand(FILE *out, const char *before, const char *path)
{
    fprintf(out, "%s%s", before, path[0] == '-' ? "./" : "");
    kin_shell_word(out, (kin_span){path, strlen(path)});
}

void kin_shell_option(FILE *out, const char *before, const char *name, kin_span value)
{
    fprintf(out, "%s--%s%c", before, name, value.length && value.text[0] == '-' ? '=' : ' ');
    kin_shell_word(out, value);
}
