/*
 * CRC-32 (core/crc32.h). Polynomials modulo the one of the CRC are kept reflected: bit 31 is the
 * coefficient of x^0.
 */
#include "core/crc32.h"

#include <pthread.h>
#include <string.h>

static const uint32_t polynomial = 0xedb88320u, one = 0x80000000u;

enum { TABLES = 8 };
static uint32_t table[TABLES][256];
static pthread_once_t table_once = PTHREAD_ONCE_INIT;

/* table[t][b]: what byte b leaves after t further bytes of 0. */
static void fill_table(void)
{
    for (uint32_t b = 0; b < 256; b++) {
        uint32_t value = b;
        for (int bit = 0; bit < 8; bit++)
            value = value & 1 ? value >> 1 ^ polynomial : value >> 1;
        table[0][b] = value;
    }
    for (int t = 1; t < TABLES; t++)
        for (uint32_t b = 0; b < 256; b++)
            table[t][b] = table[t - 1][b] >> 8 ^ table[0][table[t - 1][b] & 255];
}

uint32_t kin_crc32(uint32_t crc, const void *data, size_t bytes)
{
    const unsigned char *at = data;
    pthread_once(&table_once, fill_table);
    crc = ~crc;
    for (; bytes >= 8; bytes -= 8, at += 8) {
        uint32_t low, high;
        memcpy(&low, at, sizeof low);
        memcpy(&high, at + 4, sizeof high);
        low ^= crc;
        crc = table[7][low & 255] ^ table[6][low >> 8 & 255] ^ table[5][low >> 16 & 255] ^
              table[4][low >> 24] ^ table[3][high & 255] ^ table[2][high >> 8 & 255] ^
              table[1][high >> 16 & 255] ^ table[0][high >> 24];
    }
    for (; bytes > 0; bytes--, at++)
        crc = crc >> 8 ^ table[0][(crc ^ *at) & 255];
    return ~crc;
}

static uint32_t multiply(uint32_t a, uint32_t b)
{
    uint32_t product = 0;
    for (uint32_t bit = one; bit; bit >>= 1) {
        product ^= a & bit ? b : 0;
        b = b & 1 ? b >> 1 ^ polynomial : b >> 1;
    }
    return product;
}

/* x^(8 bytes), by squaring. */
uint32_t kin_crc32_length(size_t bytes)
{
    uint32_t power = one, square = one >> 8; /* x^8 */
    for (; bytes > 0; bytes >>= 1) {
        power = bytes & 1 ? multiply(power, square) : power;
        square = multiply(square, square);
    }
    return power;
}

uint32_t kin_crc32_join(uint32_t first, uint32_t second, uint32_t second_length)
{
    return multiply(second_length, first) ^ second;
}
