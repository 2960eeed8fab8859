#ifndef KIN_TOOLS_INDEX_READER_H
#define KIN_TOOLS_INDEX_READER_H
/*
 * FAISS's files, opened where they can do no harm.
 */
#include "job/verify.h"

/* For kin_verify_options. FAISS does not defend itself against bytes that it did not write, and a
 * right checksum only says that these are the bytes that the manifest's writer saw. KIN_E_DATA
 * where FAISS crashes or asks for more memory than the file explains, KIN_E_MEMORY where the
 * machine has none left. */
int index_reader_open(void *self, const kin_index_file *file, kin_error *err);

#endif
