/*
 * SIGINT, SIGTERM and SIGHUP as a request that a command reads (declared in tools/signals.h).
 */
#include "tools/signals.h"
#include "core/error.h"

#include <signal.h>
#include <stddef.h>

static volatile sig_atomic_t noted_signal;

static void note_signal(int number)
{
    if (noted_signal) { /* asked twice: at once */
        signal(number, SIG_DFL);
        raise(number);
    }
    noted_signal = number;
}

static const int caught_signals[] = {SIGINT, SIGTERM, SIGHUP};
enum { CAUGHT = sizeof caught_signals / sizeof *caught_signals };

void signals_catch(void)
{
    for (size_t i = 0; i < CAUGHT; i++) {
        struct sigaction before;
        struct sigaction action = {.sa_handler = note_signal, .sa_flags = SA_RESTART};
        /* what the parent told us to ignore (nohup, a shell's background job) stays ignored */
        if (sigaction(caught_signals[i], NULL, &before) == 0 && before.sa_handler != SIG_IGN)
            sigaction(caught_signals[i], &action, NULL);
    }
}

static bool is_caught(int number)
{
    struct sigaction now;
    return sigaction(number, NULL, &now) == 0 && now.sa_handler == note_signal;
}

static bool restore_signals(void)
{
    bool caught = false;
    for (size_t i = 0; i < CAUGHT; i++) {
        if (!is_caught(caught_signals[i]))
            continue;
        signal(caught_signals[i], SIG_DFL);
        caught = true;
    }
    return caught;
}

bool signals_release(void)
{
    bool caught = restore_signals();
    if (noted_signal)
        raise(noted_signal);
    return caught;
}

bool signals_hold(void)
{
    for (size_t i = 0; i < CAUGHT; i++)
        if (is_caught(caught_signals[i]))
            return false;
    signals_catch();
    return true;
}

int signals_unhold(bool held, int rc)
{
    if (!held)
        return rc;
    restore_signals();
    return rc == 0 && noted_signal ? KIN_E_STOPPED : rc;
}

int signals_noted(void)
{
    return noted_signal;
}
