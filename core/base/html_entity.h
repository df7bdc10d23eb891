/* html_entity.h - the named character references of HTML. */
#ifndef CORE_BASE_HTML_ENTITY_H
#define CORE_BASE_HTML_ENTITY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* The code point of a name ("amp"), 0 if there is none; *second is 0 or the other half of the few
 * that are two. */
uint32_t html_entity(const char *name, size_t n, uint32_t *second);
bool html_entity_open(const char *name, size_t n); /* "&amp" is it without a ';', too */

#endif
