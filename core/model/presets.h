/* presets.h - inside core/model: the built-in descriptions, as JSON text. */
#ifndef CORE_MODEL_PRESETS_H
#define CORE_MODEL_PRESETS_H

extern const char *const preset_names[], *const preset_texts[]; /* NULL-terminated, side by side */

#endif
