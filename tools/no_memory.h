#ifndef KIN_TOOLS_NO_MEMORY_H
#define KIN_TOOLS_NO_MEMORY_H
/*
 * The end of a command where FAISS gets no memory.
 *
 * C++ throws where an allocation is refused. FAISS's C API makes an error of what is thrown in its
 * own thread, but much of FAISS's work is done in parallel regions, which no exception may leave:
 * the process would be aborted. So the command ends itself at the refusal, with KIN_E_MEMORY's exit
 * status, and without its unfinished output. The library does no such thing: a process that kin is
 * a part of decides for itself.
 */

/* From now on a refusal in C++ ends the process. */
void no_memory_catch(void);

/* From now on it throws again: for a process whose end is an answer. */
void no_memory_release(void);

#endif
