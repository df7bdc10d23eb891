#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "core/base/mem.h"
#include "core/token/chat.h"
#include "tests/unit/chat_expect.h"

/* What Jinja 3.1 gives with the settings of transformers. */
static void templates_render_as_in_jinja(void **state)
{
    (void)state;
    expect("{{ messages|length }}{{ messages[-1].role }}", "3assistant");
    expect("{% for m in messages %}\n  {{ loop.index }}{{ m.role[0] }}\n{% endfor %}\nend\n",
           "  1s\n  2u\n  3a\nend");
    expect("a\n  {% if n > 3 %}\n  yes\n  {% endif %}\nb", "a\n  yes\nb");
    expect("a {% if true %}b{% endif %} c\n \t{% if true %}d{% endif %}", "a b c\nd"); /* space is cut at beginnings of lines only */
    expect("a \n {%- if true -%} b {%- endif +%}\nc {{- ' d' }}", "ab\nc d");
    expect("{# c #}\nx{% raw %}{{ y }}{% endraw %}", "x{{ y }}");
    expect(
        "{% set ns = namespace(k=0) %}{% for m in messages %}{% set ns.k = ns.k + loop.index %}{% endfor %}{{ ns.k }}",
        "6");
    expect("{% set x = 1 %}{% for i in range(2) %}{% set x = 5 %}{% endfor %}{{ x }}", "1");
    expect("{% macro f(a, b=2) %}[{{ a }}{{ b }}]{% endmacro %}{{ f(1) }}{{ f(b=3, a=0) }}", "[12][03]");
    expect("{% macro w() %}<{{ caller() }}>{% endmacro %}{% call w() %}x{% endcall %}", "<x>");
    /* *list and **dictionary in calls; varargs and kwargs of macros */
    expect("{% macro f(a, b='B') %}[{{ a }}|{{ b }}|{{ varargs }}|{{ kwargs }}]{% endmacro %}{% set l = ['x', 'y', 'z'] %}"
           "{{ f(1) }}{{ f(*l) }}{{ f(*l, q=3, **{'r': 4}) }}",
           "[1|B|()|{}][x|y|('z',)|{}][x|y|('z',)|{'q': 3, 'r': 4}]");
    expect("{% macro g(a, b=2) %}({{ a }}{{ b }}){% endmacro %}{{ g(b=3, *['p']) }}{{ g(**{'a': 1}) }}{{ range(*[1, "
           "3])|list }}",
           "(p3)(12)[1, 2]");
    expect("{{ none|selectattr('a')|list }}{{ none|map('upper')|list }}{{ 0|reject('odd')|list }}", "[][][]");
    expect("{{ tools|tojson }}", "[{\"name\": \"get\", \"list\": [1, null, true, \"a\\\"b\"]}]");
    expect("{{ tools[0]|tojson(indent=1) }}",
           "{\n \"name\": \"get\",\n \"list\": [\n  1,\n  null,\n  true,\n  \"a\\\"b\"\n ]\n}");
    expect("{{ tools[0].list }}{{ (1,) }}{{ 1.0 }}{{ 1e20 }}{{ none }}", "[1, None, True, 'a\"b'](1,)1.01e+20None");
    expect("{{ 'a,b,c'.split(',')[-1] }}{{ 'hello'[::-1] }}{{ 'x' ~ 1 ~ none }}{{ -7 // 2 }}{{ -7 % 3 }}",
           "collehx1None-42");
    expect("{{ messages|map(attribute='role')|join('|') }}", "system|user|assistant");
    expect("{{ messages|selectattr('role', 'equalto', 'user')|list|length }}{{ zz|default('d') }}{{ zz is defined }}",
           "1dFalse");
    expect("{% for i in range(9) %}{% if i == 1 %}{% continue %}{% endif %}{% if i > 3 %}{% break %}{% endif %}{{ i "
           "}}{% endfor %}",
           "023");
    expect("{% set b %}x{{ n }}{% endset %}{{ b|upper }}{% filter upper %}y{% endfilter %}", "X7Y");
    expect("{{ 'yes' if n > 3 else 'no' }}{{ 'a' in 'cat' }}{{ 1 < 2 < 3 }}{{ not n }}", "yesTrueTrueFalse");
    expect("{{ '%4s|%-3s|%.2s|%x|%04X'|format('\xc3\xa9', 'b', '\xc3\xa9\xc3\xa9\xc3\xa9', 255, 10) }}", "   \xc3\xa9|b  |\xc3\xa9\xc3\xa9|ff|000A");
    expect("{{ '\xef\xac\x81x'|upper }}{{ '\xef\xac\x81x'|title }}{{ '\xef\xac\x81x'.title() }}{{ '\xc4\xb0'|lower }}", "FIXFIxFixi\xcc\x87");
    /* \u03a3: a sigma ends a word or not; points do not count, and |title looks at what follows the first letter only */
    expect("{{ '\\u0391\\u03a3 \\u0391\\u03a3\\u0391 \\u03a3 \\u0391.\\u03a3.'|lower }}", "\u03b1\u03c2 \u03b1\u03c3\u03b1 \u03c3 \u03b1.\u03c2.");
    expect("{{ '\\u0391\\u03a3'|title }}{{ '\\u0391\\u03a3'.title() }}{{ '\\u0391\\u03a3'|capitalize }}", "\u0391\u03c3\u0391\u03c2\u0391\u03c2");
    expect("{{ '\\u1fb7\\u1fb3\\u0149'|upper }}{{ '\\u1fb7 \\u1fb3'.title() }}", "\u0391\u0342\u0399\u0391\u0399\u02bcN\u0391\u0342\u0345 \u1fbc");
    /* else runs where no round came to its end */
    expect("{% for x in [1, 2] %}{% continue %}{% else %}a{% endfor %}{% for x in [1] %}{% break %}{% else %}b{% endfor %}"
           "{% for x in [1] %}{% else %}c{% endfor %}{% for y in [1, 2] %}{{ y }}{% for x in [] %}{% else %}{% break %}{% endfor %}{% endfor %}", "ab1");
    expect("{{ 7|round }} {{ true|round }} {{ 0.15|round(1) }} {{ 2.5|round }} {{ 2.1|round(0, 'ceil') }}", "7 1 0.1 2.0 3.0");
    expect("{{ 3.0 is odd }}{{ true is odd }}{{ 2.5 is divisibleby(2) }}{{ 'ab' is lower }}{{ {'a': 1} is lower }}{{ nope is callable }}",
           "TrueTrueFalseTrueTrueTrue");
    expect("{{ '%d'|format(1) }}{{ 'x' % [1] }}{{ [{'a': 2}, {'a': 1}]|sort(attribute='b')|length }}{{ ['<'|e] }}", "1x2[Markup('&lt;')]");
    /* + escapes what meets a safe string, ~ and the other filters do not */
    expect("{{ 'a<'|safe + '<' }}{{ '<' + 'b'|safe }}{{ '<'|safe ~ '<' }}{{ '<'|e + '>' }}{{ ('<'|safe|upper)[0] + '&' }}",
           "a<&lt;&lt;b<<&lt;&gt;<&amp;");
    expect("{{ '<'|safe * 2 + '<' }}{{ '<'|safe|title + '<' }}{{ (' <'|safe).split()[0] + '<' }}{{ '<'|safe|e }}{{ 1|safe + '\\'' }}",
           "<<&lt;<<<&lt;<1&#39;");
    expect("{{ '\\u65e5ab'.title() }}{{ '\\u03b1!' is lower }}{{ '\\u0391a' is upper }}{{ '1' is upper }}", "\u65e5AbTrueFalseFalse");
    expect("{{ messages[0]|attr('role') }}{{ namespace(a=1)|attr('a') }}", "1");
    expect("{{ strftime_now('%Y') }}", "1970");
    expect("{{ bos_token }}{{ messages[0].content|trim }}{{ eos_token }}", "<s>Be kind.</s>");
}

/* What filters make, views of mappings and ranges are no lists: true when empty, gone through
 * once, without a length or a text. */
static void generators_are_no_lists(void **state)
{
    (void)state;
    expect("{% set g = [1, 2]|select('gt', 5) %}{{ 'true' if g else 'false' }}{{ g is sequence }}{{ g is iterable }}{{ g == [] }}",
           "trueFalseTrueFalse");
    expect("{% set g = [3, 1, 2]|map('string') %}{{ g|first }}{{ g|first }}{{ g|join }}|{{ g|join }}", "312|");
    expect("{% set g = [3, 1, 2]|map('string') %}{{ '1' in g }}{{ g|list }}{{ ([1]|reverse)[0] }}", "True['2']");
    expect("{{ {'a': 1}.keys() }}{{ {'a': 1}.items() }}{{ range(3) }}{{ range(5, 1, -2) }}{{ range(9)[-1] }}{{ {}.keys() or 5 }}",
           "dict_keys(['a'])dict_items([('a', 1)])range(0, 3)range(5, 1, -2)85");
    expect("{{ {'a': 1, 'b': 2}.keys()|last }}{{ {'a': 1}.keys()[0] }}{{ {'a': 1}.keys() == ['a'] }}{{ range(2) == [0, 1] }}", "bFalseFalse");
    expect("{{ [{'k': 'B', 'v': 1}, {'k': 'a', 'v': 1}]|sort(attribute='v,k')|map(attribute='k')|join }}", "aB");
    expect("{% for g in [{'v': 2}, {'v': 1}]|groupby('v') %}{{ g.grouper }}{{ g.list|length }}{{ g }}{% endfor %}",
           "11(1, [{'v': 1}])21(2, [{'v': 2}])");
    expect("{{ [1, 2, 3, 4]|slice(3, 'x')|list }}", "[[1, 2], [3, 'x'], [4, 'x']]");
    expect_error("{{ [1]|map('string') }}", "|list makes a list of it");
    expect_error("{{ ([1]|map('string'))|length }}", "|list makes a list of it");
    expect_error("{{ ([1]|map('string'))|last }}", "|list makes a list of it");
    expect_error("{{ {'a': 1}.items()|tojson }}", "no JSON for a value of type dict_items");
    expect_error("{{ range(3) + [1] }}", "not for values of type range and list");
    /* what a loop left by {% break %} did not look at is still there */
    expect("{% set g = [1, 2, 3]|map('string') %}{% for x in g %}{% break %}{% endfor %}{{ g|list }}", "['2', '3']");
    expect("{% set g = [1, 2, 3]|map('string') %}{% for x in g %}{{ loop.last }}{% break %}{% endfor %}{{ g|list }}", "False['3']");
    expect("{% set g = [1, 2, 3]|map('string') %}{% for x in g %}{{ loop.length }}{% break %}{% endfor %}{{ g|list }}", "3[]");
    expect("{% set g = [1, 2, 3]|map('string') %}{% for x in g if x != '1' %}{{ x }}{% break %}{% endfor %}{{ g|list }}", "2['3']");
}

/* Jinja settles at the beginning of a block what its names are. */
static void names_set_later_are_undefined_before(void **state)
{
    (void)state;
    expect("{% macro m() %}[{{ n }}]{% endmacro %}{{ m() }}{% set n = 1 %}{{ m() }}", "[][1]");
    expect("{{ n }}{% macro m() %}[{{ n }}]{% endmacro %}{{ m() }}{% set n = 1 %}{{ m() }}", "7[7][1]");
    expect("{% for i in [1] %}[{{ n }}]{% endfor %}{% set n = 1 %}", "[]");
    expect("{% for i in [1] %}[{{ n }}]{% endfor %}{% if true %}{% set n = 1 %}{% endif %}{{ n }}", "[7]1");
    expect("{% for i in [1] %}{% macro k() %}{{ n }}{% endmacro %}{{ k() }}{% set n = 5 %}{{ k() }}{% endfor %}|{{ n }}", "75|7");
    expect("{% for i in [1] %}{% macro k() %}{{ n }}{% endmacro %}{{ k() }}{% set n = 5 %}{{ k() }}{% endfor %}", "5");
    expect("{% macro m(n=n) %}[{{ n }}]{% endmacro %}{{ m() }}{% macro k(a=n, n=2) %}[{{ a }}{{ n }}]{% endmacro %}{{ k() }}", "[][2]");
}

/* Each kind of block, and what in its head belongs to the block around it. */
static void every_block_has_names_of_its_own(void **state)
{
    (void)state;
    expect("{% for n, f in [(1, 2)] %}{% for q in [0] %}{{ n }}{{ f }}{% endfor %}{% set n, f = 3, 4 %}{% endfor %}", "12");
    expect("{% for q in [0] %}[{{ n }}{{ f }}]{% endfor %}{% set n, f = 3, 4 %}", "[]");
    expect("{% with n = 1, f = 2 %}{% for q in [0] %}{{ n }}{{ f }}{% endfor %}{% set n, f = 3, 4 %}{% endwith %}", "12");
    expect("{% with %}{% for q in [0] %}[{{ n }}]{% endfor %}{% set n = 1 %}{% endwith %}", "[]");
    expect("{% with q = 1, r = n %}{% endwith %}{% for q in [0] %}[{{ n }}]{% endfor %}{% set n = 1 %}", "[7]");
    expect("{% with q = n %}{% endwith %}{% for q in [0] %}[{{ n }}]{% endfor %}{% set n = 1 %}", "[7]");
    expect("{% for q in [n] %}{{ q }}{% endfor %}{% for q in [0] %}[{{ n }}]{% endfor %}{% set n = 1 %}", "7[7]");
    expect("{% for q in [0] if n %}[{{ n }}]{% endfor %}{% set n = 1 %}", "");
    expect("{% for q in [] %}{% else %}{% for r in [0] %}[{{ n }}]{% endfor %}{% set n = 1 %}{% endfor %}", "[]");
    expect("{% for n in [] %}{% else %}[{{ n }}]{% endfor %}", "[7]");
    expect("{% filter replace('x', n|string) %}x{% endfilter %}{% for q in [0] %}[{{ n }}]{% endfor %}{% set n = 1 %}", "7[7]");
    expect("{% filter replace('x', n|string)|upper %}x{% for q in [0] %}[{{ n }}]{% endfor %}{% set n = 'a' %}{% endfilter %}{{ n }}", "A[7]7");
    expect("{% set v %}{% for q in [0] %}[{{ n }}]{% endfor %}{% set n = 1 %}{% endset %}{{ v }}", "[]");
    expect("{% set v | replace('x', n|string) | upper %}{% for q in [0] %}[{{ n }}]{% endfor %}{% set n = 'a' %}x{% endset %}{{ v }}{{ n }}", "[7]A7");
    expect("{% for q in [0] %}[{{ n }}]{% endfor %}{% set n %}a{% endset %}", "[]");
    expect("{% for q in [0] %}[{{ n }}]{% endfor %}{% macro n() %}{% endmacro %}", "[]");
    expect("{% macro m(a=n) %}{% for q in [0] %}[{{ n }}]{% endfor %}{% set n = 2 %}{% endmacro %}{{ m() }}", "[7]");
    expect("{% macro m(n, f) %}{% for q in [0] %}{{ n }}{{ f }}{% endfor %}{% set n, f = 3, 4 %}{% endmacro %}{{ m(1, 2) }}", "12");
    expect("{% macro m() %}{% for q in [0] %}[{{ n }}]{% endfor %}{% set n = 2 %}{% endmacro %}{{ m() }}", "[]");
    expect("{% set d = dict(a=f, b=n) %}{% for q in [0] %}[{{ n }}]{% endfor %}{% set n = 1 %}", "[7]");
    expect("{% generation %}{% for q in [0] %}[{{ n }}]{% endfor %}{% set n = 1 %}{% endgeneration %}", "[]");
    expect("{% macro w() %}{{ caller() }}{% endmacro %}{% call w() %}{% for q in [0] %}[{{ n }}]{% endfor %}{% set n = 1 %}{% endcall %}", "[]");
    expect("{% macro w(x) %}{{ x }}{{ caller() }}{% endmacro %}{% call w(n) %}{% endcall %}{% for q in [0] %}[{{ n }}]{% endfor %}{% set n = 1 %}", "7[7]");
    expect("{% if true %}{% for q in [0] %}[{{ n }}]{% endfor %}{% set n = 1 %}{% endif %}", "[7]");
    expect("{% if n %}{% endif %}{% for q in [0] %}[{{ n }}]{% endfor %}{% set n = 1 %}", "[7]");
    expect("{% macro m() %}[{{ n }}]{% endmacro %}{% if true %}{% set n = 1 %}{% endif %}{{ m() }}", "[1]");
    expect("{% set n = n %}{% for q in [0] %}[{{ n }}]{% endfor %}", "[7]");
}

static void details_are_those_of_python(void **state)
{
    (void)state;
    expect("{{ 5.3 % 0.1 }} {{ -5.5 // 2 }} {{ 2 ** -1 }} {{ 9223372036854775807 % 5 }} {{ 5 % 9223372036854775807 }} {{ -7 % 9223372036854775807 }}",
           "0.09999999999999953 -3.0 0.5 2 5 9223372036854775800");
    expect("{{ 0x1F }} {{ 0b11 }} {{ 1_000 }} {{ [[1, 2]].0.1 }} {{ 'a\\101' }}", "31 3 1000 2 aA");
    expect("{{ 'a b '.split(none, 1) }}{{ 'a b  c '.rsplit(none, 1) }}{{ 'a\vb\u2028c\\r\\nd'.splitlines() }}",
           "['a', 'b ']['a b', 'c']['a', 'b', 'c', 'd']");
    expect("{{ 'l1\\r\\nl2\\n\\nl4'|indent(2) }}|{{ 'a\\n'|indent }}|{{ 'a\\r'|indent }}|{{ 'a'|indent(1, true) }}", "l1\n  l2\n\n  l4|a\n|a| a");
    expect("{{ '\u00bd'.isdigit() }}{{ '\u00b2'.isdigit() }}{{ '\u00b2'.isdecimal() }}{{ '\x1c'.isspace() }}{{ 'aB'.isupper() }}", "FalseTrueFalseTrueFalse");
    expect("{{ ['\u200b', '\u2028', '\ue000', '\U000e0001', 'é'] }}", "['\\u200b', '\\u2028', '\\ue000', '\\U000e0001', 'é']");
    expect("{{ {1: 2, 1.0: 4} }}{{ '12_3'|int }}{{ '0x1f'|int(0, 16) }}{{ 'x'|int('d') }}{{ '1e3'|int }}", "{1: 4}12331d1000");
    expect("{{ '１२'|int }} {{ '\u00a0-١٢\u3000'|int }} {{ '𝟏𝟗𝟶𝟿'|int }} {{ '१.५'|float }} {{ '½'|int(7) }}{{ '²'|int(7) }}{{ '\\x1c7'|int(8) }}", "12 -12 1909 1.5 778");
    expect("{{ 'z_z'|int(base=36) }} {{ '0x_f'|int(base=16) }} {{ '1_e5'|float(7) }} {{ '1_2.5'|float }} {{ '1_'|int(7) }}{{ '_1'|int(7) }}{{ '1__0'|int(7) }}{{ '1\\x002'|int(7) }}",
           "1295 15 7 12.5 7777");
    expect("{{ ('0' * 70 ~ '5')|int }} {{ ('1' * 70)|float }} {{ ('0.' ~ '1' * 70)|float }}", "5 1.1111111111111112e+69 0.1111111111111111");
    expect("{{ [1]|tojson(2) }}{{ 'é'|tojson(true) }}{{ nope is sequence }}{{ [1].append is defined }}", "[1]\"\\u00e9\"TrueFalse");
    expect("{{ 'a'.center(4) }}|{{ 'a'.ljust(3, '.') }}{{ '-5'.zfill(4) }}{{ '\u201cq\u201d x'|wordcount }}", " a  |a..-0052");
    expect("{{ namespace(a=1) }}{% for i in [1] %}{{ loop }}{{ loop|length }}{% endfor %}{% macro m() %}{% endmacro %}{{ m }}",
           "<Namespace {'a': 1}><LoopContext 1/1>1<Macro 'm'>");
    expect("{% with a = 1, b = 2 %}{{ a + b }}{% endwith %}{{ a }}{% print 5 %}{% for a, (b, c) in [(1, (2, 3))] %}{{ a + b + c }}{% endfor %}", "356");
    expect("{% generation %}{% set q = 1 %}{% endgeneration %}{{ q }}{% raw %}\n a{% endraw %}\nb", "\n ab");
    expect("\u00a0{%- if 1 %}a{% endif -%}\u00a0b", "ab");
    expect("{{ [{'a': 1}, {}]|map(attribute='a', default=none)|join(';') }}{{ [1, 2]|join(none) }}{{ [1, 2]|join(0) }}", "1;1None2102");
    expect("{{ 12.5 // 3.3 }} {{ (-9223372036854775807 - 1) % -1 }} {{ 1.5|round(99999999999) }}", "3.0 0 1.5");
    expect("{{ 'abcde'[-3:-1] }}{{ [1, 2, 3][:-1] }}{{ 'abc'[-9:2] }}{{ 'a\\\nb' }}", "cd[1, 2]abab");
    expect("{{ {'a': 1, 'b': 2}.keys() == {'b': 3, 'a': 4}.keys() }}{{ {'a': 1}.items() == {'a': 2}.items() }}", "TrueFalse");
    expect("{{ dict([('a', 1)], b=2) }}{{ strftime_now('%Z%H%z') }}", "{'a': 1, 'b': 2}00");
}

static void errors_name_the_line(void **state)
{
    (void)state;
    expect_error("{% macro g(a) %}{% endmacro %}{{ g(*[1, 2]) }}", "macro 'g' takes 1 argument");
    expect_error("{% macro g(a) %}{% endmacro %}{{ g(1, **{'a': 2}) }}", "argument 'a' is given twice");
    expect_error("{% macro g(a) %}{% endmacro %}{{ g(b=1) }}", "macro 'g' has no argument 'b'");
    expect_error("{% macro g() %}{% endmacro %}{% call g() %}{% endcall %}", "macro 'g' has no argument 'caller'");
    expect_error("{{ range(**[1]) }}", "is no dictionary");
    expect_error("{{ 0 ** -1 }}", "zero to a negative power");
    expect_error("{{ (-8) ** 0.5 }}", "complex");
    expect_error("{{ 1e20|int + 1 }}", "too large");
    expect_error("{{ ('1' * 70)|int }}", "too large");
    expect_error("a{{ \u0662 }}", "t:1:5: a name is of letters, digits and _");
    expect_error("{{ a\U0001f600 }}", "a name is of letters");
    expect_error("{{ [1].\uff10 }}", "a name is of letters");
    expect("{% set \u00e9\u0662 = 1 %}{{ \u00e9\u0662 }}{{ \u65e5\u672c is defined }}", "1False");
    expect_error("a\n {% macro m(x, y, x=1) %}{% endmacro %}", "t:2:11: two parameters 'x'");
    expect_error("{% macro m() %}{% endmacro %}{% call(x, x) m() %}{% endcall %}", "two parameters 'x'");
    expect_error("{{ 'x'.encode() }}", "'encode' of a value of type str is not supported");
    expect_error("{{ 'x'.upper(1) }}", "t:1:8: the method upper takes 0 arguments at most");
    expect_error("{{ 'x'.strip(chars='x') }}", "the method strip has no argument 'chars'");
    expect_error("{% set ns = namespace() %}{% set ns._a = 1 %}", "names there do not begin with '_'");
    expect_error("{{ namespace(_a=1) }}", "names there do not begin with '_'");
    expect_error("{{ [].append(1) }}", "values cannot be changed");
    expect_error("{{ 'x'.upper }}", "no text that means anything");
    expect_error("{{ {[1]: 2} }}", "is no key");
    expect_error("{{ 1 is odd is true }}", "'and' or 'or' between tests is expected");
    expect_error("{% set true = 1 %}", "a name is expected");
    expect_error("{% for loop in [] %}{% endfor %}", "'loop' is what a loop calls itself");
    expect_error("{% macro m(a=1, b) %}{% endmacro %}", "without a default");
    expect_error("{{ '}'.format() }}", "a '}' alone");
    expect_error("{{ '\\ud800' }}", "no character");
    expect_error("{{ lipsum() }}", "not supported");
    expect_error("{{ 01 }}", "begins with 0");
    expect_error("{{ 0xFFFFFFFFFFFFFFFFF }}", "a number is too large");
    expect("{{ 100000000000000000000000000000000000000000000000000000000000e-5 }}", "1e+54");
    expect_error("{{ 1000000000000000000000000000000000000000000000000000000000000e-5 }}", "a number of too many digits");
    expect_error("{{ 10000000000000000000000000000000000000000000000000000000000000e-5 }}", "a number of too many digits");
    expect_error("{{ 1000000000000000000000000000000000000000000000000000000000000000000000.5 }}", "a number of too many digits");
    expect_error("{{ (-9223372036854775807 - 1) // -1 }}", "a number is too large");
    expect_error("{{ dict(**{'a': 1}, **{'b': 2}) }}", "cannot follow unpacked ones");
    struct buf many = {0};
    buf_adds(&many, "{{ 1");
    for (int i = 0; i < 65; i++) buf_adds(&many, " < 2");
    buf_adds(&many, " }}");
    expect_error(many.data, "too many comparisons");
    buf_free(&many);
    expect_error("{{ range(*[1], 2) }}", "t:1:16: an argument by position follows others");
    expect_error("{{ '%1-2f'|format(1.5) }}", "is not a format for this value");
    expect_error("{{ '%1..2f'|format(1.5) }}", "is not a format for this value");
    expect_error("\n\n{{ raise_exception('no ' + messages[0].role) }}", "t:3:4: the template refuses: no system");
    expect_error("a\n{{ nope.x }}", "t:2:9: 'nope' is undefined");
    expect_error("{% for x in messages %}", "t:1:24: 'endfor' is missing");
    expect_error("{% if x %}", "t:1:11: 'endif' is missing");
    expect_error("{{ 'a", "t:1:4: a string is not closed");
    expect_error("\xc3\xa9\n\xe6\x97\xa5 {{ 'x\ny' + z.z.z }}", "t:3:8: 'z' is undefined"); /* columns count characters */
    expect_error("{#- a\n -#}  {%- raw %}\n{{{% endraw +%}\n{{ 1 | }}", "t:4:8: ");
    expect_error("a {{ b\n", "t:1:6: a '{{' is not closed");
    expect_error("a\n {# b\n", "t:2:2: a comment is not closed");
    expect_error("{{ 1 / 0 }}", "division by zero");
    expect_error("{{ [1].append(2) }}", "cannot be changed");
    expect_error("{{ messages.__class__.__mro__ }}", "'__class__' is not for templates");
    expect_error("{% include 'x' %}", "a statement is expected");
    expect_error("{{ x|nofilter }}", "there is no filter 'nofilter'");
    expect_error("{{ x|int }}{{ x|float }}", "int needs a value");
    expect_error("\n{{ 'x'|upper(1) }}", "t:2:8: the filter upper takes 0 arguments at most");
    expect_error("{{ 'x'|replace('a', 'b', 1, 2) }}", "the filter replace takes 3 arguments at most");
    expect_error("{{ [1]|tojson(indnt=2) }}", "the filter tojson has no argument 'indnt'");
    expect_error("{{ [1]|tojson(inden=2) }}", "the filter tojson has no argument 'inden'");
    expect_error("{{ [1]|join(',', d='-') }}", "argument 'd' is given twice");
    expect_error("{{ 1 is odd(2) }}", "the test 'odd' takes no value");
    expect_error("{{ ['a']|select('lower', 1)|list }}", "the test 'lower' takes no value");
    expect_error("{{ [[1]]|unique|list }}", "unique is not for values of type list");
    expect_error("{{ ['a']|sum(start='b') }}", "sum adds no strings");
    expect_error("{{ [1]|indent }}", "indent needs a string, not list");
    expect_error("{{ x|dictsort }}", "dictsort needs a mapping");
}

static void endless_templates_end(void **state)
{
    (void)state;
    expect_error("{% macro f() %}{{ f() }}{% endmacro %}{{ f() }}", "deep");
    expect_error("{% for a in range(99999) %}{% for b in range(99999) %}{% endfor %}{% endfor %}",
                 "does not end within 100000 steps");
    expect_error("{{ range(1000000000) }}", "a range of more than");
    expect_error("{{ 'x' * 1000000000 }}", "memory");
    expect_error("{% set s = 'xxxxxxxx' %}{% for i in range(40) %}{% set s = s + s %}{{ s * 999 }}{% endfor %}"
                 "{% for i in range(900) %}{{ 'y' * 9999 }}{% endfor %}", "");
    expect_error("{% for i in range(200) %}{{ 'y' * 9999 }}{% endfor %}", "writes more than 1 MB");
    expect_error("{{ 2 ** 9999 }}", "too large");
    /* in time with the text, however often what is looked for begins */
    expect("{{ ('a' * 400000).find('a' * 200000 ~ 'b') }}{{ ('a' * 400000).rfind('b' ~ 'a' * 200000) }}{{ ('a' * 400000).rfind('a' * 200000) }}"
           "{{ ('a' * 400000).rsplit('a' * 200000)|length }}{{ ('a' * 400000).rpartition('b' ~ 'a' * 200000)[0] }}", "-1-12000003");
    expect("{{ ('a' * 100000)|wordwrap(1)|length }}", "199999");
    expect_error("{{ ('%100000d' * 99999) % ((1,) * 99999) }}", "memory");
    expect_error("{{ ('\\t' * 99999).expandtabs(1000) * 99999 }}", "");
    /* Lists that hold the same list twice, 60 levels deep: small in memory, endless to walk through. */
    static const char *const walks[] = {"{% if ns.a == ns.b %}{% endif %}", "{{ ns.a < ns.b }}", "{{ ns.a }}", "{{ ns.a|tojson }}",
                                        "{{ ns.a in [ns.b] }}", "{{ [ns.t, ns.t]|unique|list }}", "{{ {ns.t: 1} }}", "{{ '%s' % ns.a }}"};
    for (size_t i = 0; i < COUNT_OF(walks); i++) {
        struct buf deep = {0};
        buf_printf(&deep, "{%% set ns = namespace(a=[0], b=[0], t=(0,)) %%}{%% for i in range(60) %%}{%% set ns.a = [ns.a, ns.a] %%}"
                          "{%% set ns.b = [ns.b, ns.b] %%}{%% set ns.t = (ns.t, ns.t) %%}{%% endfor %%}%s", walks[i]);
        expect_error(deep.data, "does not end within 100000 steps");
        buf_free(&deep);
    }
    /* Long texts, each gone through by what is one expression. */
    static const char *const texts[] = {"s == t", "s < t", "{s: 1}[t]", "s is lower", "s.islower()", "'%.3s' % s", "'%.3r' % s", "'{:.3}'.format(s)"};
    for (size_t i = 0; i < COUNT_OF(texts); i++) {
        struct buf loop = {0};
        buf_printf(&loop, "{%% set s = 'a' * 100000 %%}{%% set t = 'a' * 100000 %%}{%% for i in range(2000) %%}{%% if %s %%}{%% endif %%}{%% endfor %%}",
                   texts[i]);
        expect_error(loop.data, "does not end within 100000 steps");
        buf_free(&loop);
    }
    expect_error("{{ ('a' * 30000).strip('b' * 30000 ~ 'a') }}", "does not end within 100000 steps");
    expect_error("{{ ('a ' * 30000)|urlize(extra_schemes=['ab:'] * 30000) }}", "does not end within 100000 steps");
    struct buf text = {0};
    buf_adds(&text, "{{ ");
    for (int i = 0; i < 1001; i++) buf_addc(&text, 'n');
    buf_adds(&text, " }}");
    expect_error(text.data, "t:1:4: a name of more than 1000 bytes");
    text.len = 0;
    buf_adds(&text, "{{ ");
    for (int i = 0; i < 5000; i++) buf_addc(&text, '(');
    buf_addc(&text, '1');
    for (int i = 0; i < 5000; i++) buf_addc(&text, ')');
    buf_adds(&text, " }}");
    expect_error(text.data, "nested too deep");
    buf_free(&text);
}

/* What is called again and again has limits even where no expression is in another. */
static void long_chains_and_many_names_have_limits(void **state)
{
    (void)state;
    struct buf chain = {0}, json = {0};
    struct chat_text out = {{0}, {0}};
    struct chat_limits limits = {.steps = 100000};
    struct err e = {0};
    expect_error("{{ 'x'|attr(' encode') + 1 }}", "' encode' is undefined"); /* a blank in front of a name */
    buf_adds(&chain, "{% filter e");
    for (int i = 0; i < 100000; i++) buf_adds(&chain, "|e");
    buf_adds(&chain, " %}x{% endfilter %}");
    expect_error(chain.data, "nested or recursive more than 1500 deep");
    buf_clear(&chain);
    buf_adds(&chain, "{% set x");
    for (int i = 0; i < 100000; i++) buf_adds(&chain, "|e");
    buf_adds(&chain, " %}a{% endset %}");
    expect_error(chain.data, "nested or recursive more than 1500 deep");
    buf_adds(&json, "{\"messages\":[],\"many\":{");
    for (int i = 0; i < 8000; i++) buf_printf(&json, "%s\"k%d\":0", i ? "," : "", i);
    buf_adds(&json, "}}");
    assert_int_equal(render("{% macro f() %}{{ kwargs|length }}{% endmacro %}{{ f(**many) }}", json.data, &limits, &out, &e), -1);
    if (!strstr(e.msg, "does not end within 100000 steps")) fail_msg("%s", e.msg);
    chat_text_free(&out);
    buf_free(&chain);
    buf_free(&json);
}

#if defined __SANITIZE_ADDRESS__ || defined __SANITIZE_THREAD__ || !defined __OPTIMIZE__
enum { SMALL_STACK = 8 << 20 };
#else
enum { SMALL_STACK = 1 << 20 };
#endif

struct small_run {
    const char *template;
    struct err e;
    int ret;
};

static void *render_it(void *arg)
{
    struct small_run *x = arg;
    struct chat_text out = {{0}, {0}};
    x->ret = render(x->template, chat, NULL, &out, &x->e);
    chat_text_free(&out);
    return NULL;
}

static void fails_on_a_small_stack(const char *template, const char *words)
{
    struct small_run x = {.template = template};
    pthread_attr_t attr;
    pthread_t thread;
    assert_int_equal(pthread_attr_init(&attr), 0);
    assert_int_equal(pthread_attr_setstacksize(&attr, SMALL_STACK), 0);
    assert_int_equal(pthread_create(&thread, &attr, render_it, &x), 0);
    pthread_join(thread, NULL);
    pthread_attr_destroy(&attr);
    if (x.ret == 0) fail_msg("%.60s: no error", template);
    if (!strstr(x.e.msg, words)) fail_msg("%.60s: '%s' without '%s'", template, x.e.msg, words);
}

static void add_times(struct buf *out, const char *word, int n)
{
    for (int i = 0; i < n; i++) buf_adds(out, word);
}

/* Whatever is inside of another is looked at by a call in a call. */
static void nothing_takes_all_of_the_stack(void **state)
{
    static const char *const calls[] = {
        "{% macro f() %}{{ f() }}{% endmacro %}{{ f() }}",
        "{% macro g(x) %}{% endmacro %}{% macro f(a=g(g(g(f())))) %}{% endmacro %}{{ f() }}",
        "{% macro f() %}{% filter e %}{% set x %}{{ f() }}{% endset %}{% endfilter %}{% endmacro %}{{ f() }}",
        "{% macro g() %}{{ caller() }}{% endmacro %}{% macro f() %}{% call g() %}{{ f() }}{% endcall %}{% endmacro %}{{ f() }}",
        "{% for a in [1] if a recursive %}{% filter e %}{{ loop([1]) }}{% endfilter %}{% endfor %}",
        "{% macro f(a=1|default(2|default(f(), true), true)) %}{% endmacro %}{{ f() }}"};
    static const char deep[] = "{% set ns = namespace(a=[0], b=[0], t=(0,)) %}{% for i in range(30000) %}{% set ns.a = [ns.a] %}"
                               "{% set ns.b = [ns.b] %}{% set ns.t = (ns.t,) %}{% endfor %}";
    static const char *const looks[] = {"{% if ns.a == ns.b %}{% endif %}", "{{ ns.a < ns.b }}", "{{ ns.a }}", "{{ {ns.t: 1} }}", "{{ ns.t is filter }}",
                                        "{{ [ns.t]|unique|list }}", "{{ ns.a in [ns.b] }}", "{{ '%s' % ns.a }}"};
    struct buf text = {0};
    (void)state;
    for (size_t i = 0; i < COUNT_OF(calls); i++) fails_on_a_small_stack(calls[i], "nested or recursive more than 1500 deep");
    for (size_t i = 0; i < COUNT_OF(looks); i++) {
        buf_clear(&text);
        buf_printf(&text, "%s%s", deep, looks[i]);
        fails_on_a_small_stack(text.data, "values nested more than 100 deep");
    }
    buf_clear(&text);
    buf_printf(&text, "%s{{ ns.a|map('map'", deep);
    add_times(&text, ",'map'", 29000);
    buf_adds(&text, ",'string')|list }}");
    fails_on_a_small_stack(text.data, "nested or recursive more than 1500 deep");
    buf_clear(&text);
    buf_adds(&text, "{% macro f() %}{{ 1");
    add_times(&text, "+1", 100000);
    buf_adds(&text, " }}{% endmacro %}");
    fails_on_a_small_stack(text.data, "nested or recursive more than 1500 deep");
    buf_free(&text);
    expect("{% set ns = namespace(a=[0], b=[0]) %}{% for i in range(99) %}{% set ns.a = [ns.a] %}{% set ns.b = [ns.b] %}{% endfor %}"
           "{{ ns.a == ns.b }}{{ ns.a < ns.b }}", "TrueFalse");
}

static void thoughts_have_the_names_that_templates_read(void **state)
{
    (void)state;
    static const struct { const char *chat, *want; } t[] = {
        {"[{\"role\":\"assistant\",\"reasoning\":\"a\"}]", "a|a"},
        {"[{\"role\":\"assistant\",\"thinking\":\"b\",\"reasoning_content\":null}]", "b|b"},
        {"[{\"role\":\"assistant\",\"thinking\":null,\"reasoning_content\":\"c\"}]", "None|c"},
        {"[{\"role\":\"assistant\"}]", "|"}};
    for (size_t i = 0; i < COUNT_OF(t); i++) {
        struct err e = {0};
        struct chat_text out = {{0}, {0}};
        if (render("{{ messages[0].thinking }}|{{ messages[0].reasoning_content }}", t[i].chat, NULL, &out, &e)) fail_msg("%s", e.msg);
        assert_string_equal(out.text.data, t[i].want);
        chat_text_free(&out);
    }
}

static void builtin_templates_render(void **state)
{
    (void)state;
    static const char talk[] = "[{\"role\":\"system\",\"content\":\"S\"},{\"role\":\"user\",\"content\":\"U\"},"
                               "{\"role\":\"assistant\",\"content\":\"A\"}]";
    for (const char *const *p = chat_builtin_names(); *p; p++) {
        struct err e = {0};
        struct chat_text out = {{0}, {0}};
        if (render(chat_builtin(*p), talk, NULL, &out, &e)) fail_msg("%s: %s", *p, e.msg);
        const char *s = strchr(out.text.data, 'S'), *u = s ? strchr(s, 'U') : NULL;
        if (!u || !strchr(u, 'A')) fail_msg("%s: %s", *p, out.text.data);
        chat_text_free(&out);
    }
    assert_null(chat_builtin("nope"));
    struct err e = {0};
    struct chat_text out = {{0}, {0}};
    assert_int_equal(render(chat_builtin("chatml"), "[{\"role\":\"user\",\"content\":\"Hi\"}]", NULL, &out, &e), 0);
    assert_string_equal(out.text.data, "<|im_start|>user\nHi<|im_end|>\n");
    chat_text_free(&out);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(templates_render_as_in_jinja),
        cmocka_unit_test(generators_are_no_lists),
        cmocka_unit_test(names_set_later_are_undefined_before),
        cmocka_unit_test(every_block_has_names_of_its_own),
        cmocka_unit_test(details_are_those_of_python),
        cmocka_unit_test(errors_name_the_line),
        cmocka_unit_test(endless_templates_end),
        cmocka_unit_test(long_chains_and_many_names_have_limits), cmocka_unit_test(nothing_takes_all_of_the_stack),
        cmocka_unit_test(thoughts_have_the_names_that_templates_read),
        cmocka_unit_test(builtin_templates_render),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
