/* Templates by name, written from the published formats of the families. */
#include <string.h>

#include "core/base/mem.h"
#include "core/token/chat.h"

static const char chatml[] =
    "{%- for m in messages -%}\n"
    "{{ '<|im_start|>' + m.role + '\\n' + m.content + '<|im_end|>\\n' }}\n"
    "{%- endfor -%}\n"
    "{%- if add_generation_prompt -%}{{ '<|im_start|>assistant\\n' }}{%- endif -%}";

static const char qwen[] =
    "{%- if messages and messages[0].role != 'system' -%}\n"
    "{{ '<|im_start|>system\\nYou are a helpful assistant.<|im_end|>\\n' }}\n"
    "{%- endif -%}\n"
    "{%- for m in messages -%}\n"
    "{{ '<|im_start|>' + m.role + '\\n' + m.content + '<|im_end|>\\n' }}\n"
    "{%- endfor -%}\n"
    "{%- if add_generation_prompt -%}{{ '<|im_start|>assistant\\n' }}{%- endif -%}";

static const char llama2[] =
    "{%- set ns = namespace(system='') -%}\n"
    "{%- for m in messages -%}\n"
    "{%- if m.role == 'system' -%}\n"
    "{%- set ns.system = '<<SYS>>\\n' + m.content + '\\n<</SYS>>\\n\\n' -%}\n"
    "{%- elif m.role == 'user' -%}\n"
    "{{ bos_token + '[INST] ' + ns.system + m.content | trim + ' [/INST]' }}\n"
    "{%- set ns.system = '' -%}\n"
    "{%- elif m.role == 'assistant' -%}\n"
    "{{ ' ' + m.content | trim + ' ' + eos_token }}\n"
    "{%- else -%}\n"
    "{{ raise_exception('llama2 knows the roles system, user and assistant') }}\n"
    "{%- endif -%}\n"
    "{%- endfor -%}";

static const char llama3[] =
    "{{- bos_token -}}\n"
    "{%- for m in messages -%}\n"
    "{{ '<|start_header_id|>' + m.role + '<|end_header_id|>\\n\\n' + m.content | trim + '<|eot_id|>' }}\n"
    "{%- endfor -%}\n"
    "{%- if add_generation_prompt -%}{{ '<|start_header_id|>assistant<|end_header_id|>\\n\\n' }}{%- endif -%}";

static const char mistral[] =
    "{{- bos_token -}}\n"
    "{%- set ns = namespace(system='') -%}\n"
    "{%- for m in messages -%}\n"
    "{%- if m.role == 'system' -%}\n"
    "{%- set ns.system = m.content + '\\n\\n' -%}\n"
    "{%- elif m.role == 'user' -%}\n"
    "{{ '[INST] ' + ns.system + m.content + ' [/INST]' }}\n"
    "{%- set ns.system = '' -%}\n"
    "{%- elif m.role == 'assistant' -%}\n"
    "{{ ' ' + m.content + eos_token }}\n"
    "{%- else -%}\n"
    "{{ raise_exception('mistral knows the roles system, user and assistant') }}\n"
    "{%- endif -%}\n"
    "{%- endfor -%}";

static const char gemma[] =
    "{{- bos_token -}}\n"
    "{%- set ns = namespace(system='') -%}\n"
    "{%- for m in messages -%}\n"
    "{%- if m.role == 'system' -%}\n"
    "{%- set ns.system = m.content | trim + '\\n\\n' -%}\n"
    "{%- else -%}\n"
    "{%- set role = 'model' if m.role == 'assistant' else m.role -%}\n"
    "{{ '<start_of_turn>' + role + '\\n' + ns.system + m.content | trim + '<end_of_turn>\\n' }}\n"
    "{%- set ns.system = '' -%}\n"
    "{%- endif -%}\n"
    "{%- endfor -%}\n"
    "{%- if add_generation_prompt -%}{{ '<start_of_turn>model\\n' }}{%- endif -%}";

static const char phi3[] =
    "{%- for m in messages -%}\n"
    "{{ '<|' + m.role + '|>\\n' + m.content + '<|end|>\\n' }}\n"
    "{%- endfor -%}\n"
    "{%- if add_generation_prompt -%}{{ '<|assistant|>\\n' }}{%- endif -%}";

static const char phi4[] =
    "{%- for m in messages -%}\n"
    "{{ '<|im_start|>' + m.role + '<|im_sep|>' + m.content + '<|im_end|>' }}\n"
    "{%- endfor -%}\n"
    "{%- if add_generation_prompt -%}{{ '<|im_start|>assistant<|im_sep|>' }}{%- endif -%}";

static const char zephyr[] =
    "{%- for m in messages -%}\n"
    "{{ '<|' + m.role + '|>\\n' + m.content + eos_token + '\\n' }}\n"
    "{%- endfor -%}\n"
    "{%- if add_generation_prompt -%}{{ '<|assistant|>\\n' }}{%- endif -%}";

static const char deepseek[] =
    "{{- bos_token -}}\n"
    "{%- for m in messages -%}\n"
    "{%- if m.role == 'system' -%}{{ m.content }}\n"
    "{%- elif m.role == 'user' -%}{{ '<\xEF\xBD\x9CUser\xEF\xBD\x9C>' + m.content }}\n"
    "{%- elif m.role == 'assistant' -%}{{ '<\xEF\xBD\x9C"
    "Assistant\xEF\xBD\x9C>' + m.content + '<\xEF\xBD\x9C" "end\xE2\x96\x81of\xE2\x96\x81sentence\xEF\xBD\x9C>' }}\n"
    "{%- else -%}{{ raise_exception('deepseek knows the roles system, user and assistant') }}\n"
    "{%- endif -%}\n"
    "{%- endfor -%}\n"
    "{%- if add_generation_prompt -%}{{ '<\xEF\xBD\x9C" "Assistant\xEF\xBD\x9C>' }}{%- endif -%}";

static const char alpaca[] =
    "{%- for m in messages -%}\n"
    "{%- if m.role == 'system' -%}{{ m.content + '\\n\\n' }}\n"
    "{%- elif m.role == 'user' -%}{{ '### Instruction:\\n' + m.content + '\\n\\n' }}\n"
    "{%- else -%}{{ '### Response:\\n' + m.content + eos_token + '\\n\\n' }}\n"
    "{%- endif -%}\n"
    "{%- endfor -%}\n"
    "{%- if add_generation_prompt -%}{{ '### Response:\\n' }}{%- endif -%}";

static const char vicuna[] =
    "{{- bos_token -}}\n"
    "{%- for m in messages -%}\n"
    "{%- if m.role == 'system' -%}{{ m.content + ' ' }}\n"
    "{%- elif m.role == 'user' -%}{{ 'USER: ' + m.content + ' ' }}\n"
    "{%- else -%}{{ 'ASSISTANT: ' + m.content + eos_token }}\n"
    "{%- endif -%}\n"
    "{%- endfor -%}\n"
    "{%- if add_generation_prompt -%}{{ 'ASSISTANT:' }}{%- endif -%}";

static const char *const names[] = {"alpaca", "chatml", "deepseek", "gemma", "llama2", "llama3", "mistral",
                                    "phi3", "phi4", "qwen", "vicuna", "zephyr", NULL};
static const char *const texts[] = {alpaca, chatml, deepseek, gemma, llama2, llama3, mistral,
                                    phi3, phi4, qwen, vicuna, zephyr};

const char *chat_builtin(const char *name)
{
    for (size_t i = 0; names[i]; i++)
        if (strcmp(name, names[i]) == 0) return texts[i];
    return NULL;
}

const char *const *chat_builtin_names(void)
{
    return names;
}
