/*
 * std::set_new_handler, from C (declared in tools/no_memory.h).
 */
#include "tools/no_memory.h"
#include "core/outdir.h"
#include "tools/console.h"

#include <stdatomic.h>
#include <unistd.h>

/* std::new_handler std::set_new_handler(std::new_handler) noexcept, as every ABI of Linux names
 * it. */
typedef void (*new_handler)(void);
new_handler set_new_handler(new_handler handler) __asm__("_ZSt15set_new_handlerPFvvE");

static atomic_flag dying = ATOMIC_FLAG_INIT;

/* operator new calls it, from any thread, instead of throwing. */
static void end_process(void)
{
    kin_error err;
    while (atomic_flag_test_and_set(&dying))
        pause(); /* another thread is at it; a signal that is caught ends a pause, not the wait */
    kin_error_set(&err, KIN_E_MEMORY, "free memory on this machine, or give fewer --threads",
                  "FAISS: the system refused memory");
    kin_outdir_discard_all();
    console_error(&err);
    _exit(-KIN_E_MEMORY);
}

void no_memory_catch(void)
{
    set_new_handler(end_process);
}

void no_memory_release(void)
{
    set_new_handler(NULL);
}
