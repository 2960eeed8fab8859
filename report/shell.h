#ifndef KIN_REPORT_SHELL_H
#define KIN_REPORT_SHELL_H
/*
 * Commands that kin suggests: what a person copies has to mean the same to a shell, whatever names
 * of files, ids and values of options hold. Words are those of a POSIX shell; where a control
 * character has to be written, $'...' is (bash, zsh, ksh, busybox; POSIX since 2024), so that the
 * command is one line of plain text.
 */
#include "core/lines.h"

#include <stdio.h>

/* One word: as it is, in '...', or in $'...'. */
void kin_shell_word(FILE *out, kin_span word);

/* A path as an operand, `before` in front: one that begins with "-" gets "./". */
void kin_shell_operand(FILE *out, const char *before, const char *path);

/* "--name VALUE", or "--name=VALUE" where the value begins with "-"; `before` in front. */
void kin_shell_option(FILE *out, const char *before, const char *name, kin_span value);

#endif
