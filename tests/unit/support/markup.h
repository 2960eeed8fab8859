#ifndef KIN_SUPPORT_MARKUP_H
#define KIN_SUPPORT_MARKUP_H
/*
 * What has to hold of every page that kin writes.
 */
#include <stddef.h>

/* Fails the test unless every tag is closed by its own, nothing runs (no <script>, no attribute
 * on...), nothing is fetched (src and href are data: or places on the page that are there), and
 * every <svg> is an image that begins with its title. Returns how many of these there are. */
size_t test_markup(const char *page);

#endif
