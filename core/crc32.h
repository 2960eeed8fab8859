#ifndef KIN_CORE_CRC32_H
#define KIN_CORE_CRC32_H
/*
 * CRC-32 as zip archives have it (ISO 3309, polynomial 0xedb88320 reflected), of pieces that are
 * put together: the checksum of a member is known before its bytes are in order.
 *
 * Source: Sarwate, CACM 31, 1988, with eight tables ("slicing by 8", Kounavis and Berry, 2008);
 * putting together is zlib's crc32_combine, a product of polynomials.
 */
#include <stddef.h>
#include <stdint.h>

/* The checksum of what `crc` is that of (0: nothing) and of `bytes` bytes behind it. Some 2 GB a
 * second. */
uint32_t kin_crc32(uint32_t crc, const void *data, size_t bytes);

/* What kin_crc32_join needs to know of the length of its second part. */
uint32_t kin_crc32_length(size_t bytes);

/* The checksum of two parts one after the other, from those of each. */
uint32_t kin_crc32_join(uint32_t first, uint32_t second, uint32_t second_length);

#endif
