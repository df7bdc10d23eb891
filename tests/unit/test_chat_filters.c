/* How templates are written, tests, and filters of sequences and numbers, each way through them at least once.
 * The values are those of jinja2 3.1.6 in the environment of transformers 5. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

#include "tests/unit/chat_expect.h"

static void tags_and_comments_end_where_they_end(void **state)
{
    (void)state;
    expect("{{n}}{%if n%}a{%endif%}{{-n-}} {{f}}", "7a72.5");
    expect("{# a #}b {#- c -#} d {#+ e +#} f", "bd  f");
    expect("{##}a {b} {", "a {b} {");
    expect("{% raw %}{% endraw x %}{% endra %}{{ n }}{# c #}{%- endraw -%}  x{%raw%} {% raw %} {%-endraw%}",
           "{% endraw x %}{% endra %}{{ n }}{# c #}x {% raw %}");
    expect("{%- raw -%} y {%+ endraw +%} z{% raw -%} a {%- endraw %}", "y  za");
    expect("a\rb\r\nc\n\r{{ n }}\r", "a\nb\nc\n\n7");
}

static void values_are_written_in_many_ways(void **state)
{
    (void)state;
    expect("{{ false }}{{ False }}{{ true }}{{ True }}[{{ none }}{{ None }}]", "FalseFalseTrueTrue[NoneNone]");
    expect("{{ 1e5 }} {{ 1E-2 }} {{ 1.5e+3 }} {{ 1_000 }} {{ 0x1F }} {{ 0b11 }} {{ 0o17 }} {{ 0 }} {{ 00 }}",
           "100000.0 0.01 1500.0 1000 31 3 15 0 0");
    expect("{{ '\\1012\\608' }}", "A208");
    expect("{{ [1, 2,] }}{{ (1,) }}{{ () }}{{ (1, 2) }}{{ {'a': 1,} }}{{ [] }}{{ {} }}", "[1, 2](1,)()(1, 2){'a': 1}[]{}");
    expect("{% set (c, d), e = [[1, 2], 3] %}{{ c + d + e }}{% set (c,), d = [[1], 2] %}{{ c + d }}", "63");
}

static void tests_take_an_argument_without_brackets(void **state)
{
    (void)state;
    expect("{{ n is odd or f }} {{ n is odd and f }} {{ n is even or f }} {{ n is even and f }} {{ 'a' if n is odd else 'b' }}"
           " {{ 'x' if n is defined }}",
           "True 2.5 2.5 False a x");
    expect("{{ 7 is in [7] }}{{ n is in [8] }}{{ {1: 2} is eq {1: 2} }}{{ n is eq 7 }}{{ f is eq 2.5 }}{{ 'a' is eq 'a' }}"
           "{{ n is in(range(9)) }}",
           "TrueFalseTrueTrueTrueTrueTrue");
}

static void attributes_of_items_are_paths(void **state)
{
    (void)state;
    expect("{{ [{'a': {'b': 1}}, {}]|map(attribute='a.b', default='x')|list }}{{ [{}]|groupby('a.b', default='x') }}"
           "{{ [{'a': 1}, {}]|map(attribute='a')|list }}",
           "[1, 'x'][('x', [{}])][1, Undefined]");
    expect("{{ [{'a': 1}, {}]|map(attribute='a', default=5)|list }}{{ [{'a': 1}, {}]|map(attribute='a', default=none)|list }}",
           "[1, 5][1, Undefined]");
    expect("{{ [3, 1, 2]|sort(attribute=none) }}{{ [3, 1]|min(attribute=none) }}{{ [3, 1]|max(attribute=none) }}"
           "{{ [3, 1]|sum(attribute=none) }}",
           "[1, 2, 3]134");
    expect("{{ [3, 1]|join(attribute=none) }}{{ [3, 1, 3]|unique(attribute=none)|list }}{{ [3, 1]|groupby(none) }}"
           "{{ [3, 1]|map(attribute=none)|list }}",
           "31[3, 1][(1, [1]), (3, [3])][3, 1]");
    expect("{{ [3, 1, 0]|selectattr(none)|list }}{{ [1, 3]|join(none) }}", "[3, 1]1None3");
    expect("{{ [[0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12]]|map(attribute='11')|join }}{{ [[5]]|map(attribute=0)|join }}"
           "{{ [{'a': [{'b': 6}]}]|map(attribute='a.0.b')|join }}",
           "1156");
    expect("{{ [{'1234567890123': 1, 1234567890123: 2}]|map(attribute='1234567890123')|list }}{{ [{'': 3}]|map(attribute='')|list }}",
           "[2][3]");
}

static void items_are_sorted(void **state)
{
    (void)state;
    expect("{{ ['b', 'A', 'c']|sort }}{{ ['b', 'A', 'c']|sort(case_sensitive=true) }}{{ ['b', 'A', 'c']|sort(true) }}",
           "['A', 'b', 'c']['A', 'b', 'c']['c', 'b', 'A']");
    expect("{{ [{'a': 1, 'b': 2}, {'a': 1, 'b': 1}, {'a': 0, 'b': 9}]|sort(attribute='a,b') }}"
           "{{ [{'b': 2}, {'b': 1}]|sort(attribute='a') }}{{ [{}, {}]|sort(attribute='a,b') }}",
           "[{'a': 0, 'b': 9}, {'a': 1, 'b': 1}, {'a': 1, 'b': 2}][{'b': 2}, {'b': 1}][{}, {}]");
    expect("{{ [{'a': 1, 'b': 1}, {'a': 1, 'b': 2}, {'a': 2}]|sort(reverse=true, attribute='a') }}", "[{'a': 2}, {'a': 1, 'b': 1}, {'a': 1, 'b': 2}]");
    expect("{{ {'b': 1, 'A': 3, 'c': 2}|dictsort }}{{ {'b': 1, 'A': 3}|dictsort(true) }}"
           "{{ {'b': 1, 'A': 3, 'c': 2}|dictsort(by='value', reverse=true) }}{{ {'b': 1}|dictsort(by='key') }}",
           "[('A', 3), ('b', 1), ('c', 2)][('A', 3), ('b', 1)][('A', 3), ('c', 2), ('b', 1)][('b', 1)]");
    expect("{{ ['b', 'A', 'B', 'a']|unique|list }}{{ ['b', 'A', 'B', 'a']|unique(true)|list }}{{ [(1,), (1,)]|unique|list }}"
           "{{ [1, 1.0, true]|unique|list }}",
           "['b', 'A']['b', 'A', 'B', 'a'][(1,)][1]");
    expect("{{ ['a', 'B']|max }}{{ ['a', 'B']|max(true) }}{{ []|min }}{{ [{'a': 3}, {'a': 2}]|min(attribute='a') }}",
           "Ba{'a': 2}");
    expect("{{ [{'c': 'a', 'n': 1}, {'c': 'B', 'n': 2}, {'c': 'A', 'n': 3}]|groupby('c') }}"
           "{{ [{'c': 'a'}, {'c': 'A'}]|groupby('c', case_sensitive=true) }}",
           "[('a', [{'c': 'a', 'n': 1}, {'c': 'A', 'n': 3}]), ('B', [{'c': 'B', 'n': 2}])][('A', [{'c': 'A'}]), ('a', [{'c': 'a'}])]");
}

static void items_are_picked_and_put_together(void **state)
{
    (void)state;
    expect("{{ [0, 1, '', none]|select|list }}{{ [0, 1, '', none]|reject|list }}{{ [1, 2, 3]|select('odd')|list }}"
           "{{ [1, 2, 3]|reject('in', [1])|list }}",
           "[1][0, '', None][1, 3][2, 3]");
    expect("{{ [{'a': 0}, {'a': 1}]|selectattr('a')|list }}{{ [{'a': 0}, {'a': 1}]|rejectattr('a')|list }}"
           "{{ [{'a': 0}, {'a': 1}]|rejectattr('a', 'eq', 1)|list }}{{ [{'a': 0}, {}]|selectattr('a', 'defined')|list }}",
           "[{'a': 1}][{'a': 0}][{'a': 0}][{'a': 0}]");
    expect("{{ [1, 2, 3, 4, 5, 6, 7]|batch(3)|list }}{{ [1, 2, 3, 4]|batch(3, 'x')|list }}{{ []|batch(3, 'x')|list }}",
           "[[1, 2, 3], [4, 5, 6], [7]][[1, 2, 3], [4, 'x', 'x']][]");
    expect("{{ [1, 2, 3, 4, 5, 6, 7]|slice(3)|list }}{{ [1, 2, 3, 4]|slice(3, 'x')|list }}{{ [1]|slice(3)|list }}",
           "[[1, 2, 3], [4, 5], [6, 7]][[1, 2], [3, 'x'], [4, 'x']][[1], [], []]");
    expect("{{ [1, 2]|sum(start=10) }}{{ [{'a': 3}, {'a': 2}]|sum('a') }}{{ [{'a': 3}]|sum('a', 5) }}"
           "{{ [[1], [2]]|sum(start=[]) }}{{ [{'a': 1}, {'a': 2}]|join('-', attribute='a') }}",
           "1358[1, 2]1-2");
    expect("{{ none|map('upper')|list }}{{ none|select|list }}{{ nope|map('upper')|list }}{{ [[1, 2]]|map('join', '-')|list }}"
           "{{ [[1, 2]]|map('map', 'string')|map('list')|list }}",
           "[][][]['1-2'][['1', '2']]");
}

static void numbers_are_read_and_rounded(void **state)
{
    (void)state;
    expect("{{ '42'|int }} {{ 'x'|int(5) }} {{ '0x1F'|int(0, 16) }} {{ '0x1F'|int(0, 0) }} {{ '0b11'|int(0, 2) }}"
           " {{ '0o7'|int(0, 8) }} {{ '0x1F'|int(3, 8) }} {{ '0'|int(5, 0) }} {{ '00'|int(5, 0) }} {{ '012'|int(5, 0) }}"
           " {{ '1'|int(5, 1) }} {{ '1'|int(5, 37) }} {{ 'z'|int(5, 36) }}",
           "42 5 31 31 3 7 3 0 0 12 1 1 35");
    expect("{{ '3.9'|int }} {{ none|int }} {{ '1_0'|int }} {{ '1__0'|int }} {{ '_1'|int(5) }} {{ '1_'|int(5) }} {{ true|int }}"
           " {{ '-7'|int }} {{ '+7'|int }} {{ '- 7'|int }} {{ ' 4 '|int }} {{ 1e20|int }} {{ 'inf'|int(5) }} {{ 'nan'|int(5) }}",
           "3 0 10 0 5 5 1 -7 7 0 4 100000000000000000000 5 5");
    expect("{{ '3.5'|float }} {{ 'x'|float(1.5) }} {{ none|float }} {{ '1e3'|float }} {{ '1_0'|float }} {{ [1]|float(2) }}"
           " {{ '0x1'|float }} {{ '１'|float }}",
           "3.5 1.5 0.0 1000.0 10.0 2 0.0 1.0");
    expect("{{ '1_0_0'|int }} {{ 'a_b'|int(5, 16) }} {{ 'a__b'|int(5, 16) }}", "100 171 5");
    expect("{{ -3|abs }} {{ -3.5|abs }} {{ true|abs }} {{ false|abs }} {{ 3|abs }}", "3 3.5 1 0 3");
    expect("{{ 42.55|round }} {{ 42.55|round(1) }} {{ 42.55|round(1, 'floor') }} {{ 42.51|round(0, 'ceil') }} {{ 42|round }}"
           " {{ 2.5|round }} {{ 1234|round(-2) }} {{ 1250|round(-2) }} {{ 1350|round(-2) }} {{ -1250|round(-2) }} {{ true|round }}",
           "43.0 42.5 42.5 43.0 42 2.0 1200 1200 1400 -1200 1");
    expect("{{ 4000000000000000000|round(-19) }} {{ 9000000000000000000|round(-20) }} {{ 9000000000000000000|round(-18) }}",
           "0 0 9000000000000000000");
    expect("{{ range(5)|length }}{{ {'a': 1}|count }}{{ nope|length }}{{ 'é'|length }}{{ (1, 2)|length }}", "51012");
    expect("{{ 1000|filesizeformat }}, {{ 1|filesizeformat }}, {{ 1048576|filesizeformat(true) }}, {{ '13'|filesizeformat }},"
           " {{ 999999|filesizeformat }}",
           "1.0 kB, 1 Byte, 1.0 MiB, 13 Bytes, 1000.0 kB");
}

static void texts_stay_safe_or_are_taken_as_written(void **state)
{
    (void)state;
    expect("{{ ('<b>'|safe|capitalize)|e }}{{ ('<b>'|safe|upper)|e }}{{ ('<b>'|safe|title)|e }}", "<b><B>&lt;B&gt;");
    expect("{{ 15|replace(1, 2) }}{{ 'a'|replace('a', 5) }}{{ 'aNone'|replace(none, 1) }}{{ 'a[1]'|replace([1], {}) }}"
           "{{ 'a'|replace(nope, 1) }}{{ 'aaa'|replace('a', 'b', 2) }}",
           "255a1a{}1a1bba");
}

static void tests_tell_what_a_value_is(void **state)
{
    (void)state;
    expect("{{ 'a' is string }} {{ 1 is string }} {{ 1 is number }} {{ 1.5 is number }} {{ true is number }} {{ 'a' is number }}"
           " {{ 1.5 is float }} {{ 1 is float }} {{ 1 is integer }} {{ true is integer }} {{ 1.5 is integer }}",
           "True False True True True False True False True False False");
    expect("{{ true is boolean }} {{ 1 is boolean }} {{ 1 is true }} {{ true is true }} {{ false is true }} {{ false is false }}"
           " {{ true is false }} {{ 0 is false }} {{ none is none }} {{ 0 is none }}",
           "True False False True False True False False True False");
    expect("{{ [] is iterable }} {{ 'a' is iterable }} {{ {} is iterable }} {{ 5 is iterable }} {{ nope is iterable }}"
           " {{ range(2) is iterable }} {{ none is iterable }} {{ [1]|map('string') is iterable }}",
           "True True True False True True False True");
    expect("{{ [] is sequence }} {{ (1,) is sequence }} {{ {} is sequence }} {{ 'a' is sequence }} {{ 5 is sequence }}"
           " {{ nope is sequence }} {{ range(2) is sequence }} {{ [1]|map('string') is sequence }} {{ none is sequence }}",
           "True True True True False True True False False");
    expect("{{ {} is mapping }} {{ [] is mapping }} {{ nope is mapping }} {{ range is callable }} {{ 'a' is callable }}"
           " {{ 'a'.upper is callable }} {{ nope is callable }}"
           " {{ cycler is callable }} {% macro f() %}{% endmacro %}{{ f is callable }}",
           "True False False True False True True True True");
    expect("{{ 'a'|safe is escaped }} {{ 'a' is escaped }} {{ 1 is sameas 1 }} {{ true is sameas true }} {{ 1 is sameas true }}"
           " {{ 'upper' is filter }} {{ 'odd' is test }} {{ 'nope' is filter }} {{ 'nope' is test }} {{ 'gt' is test }}"
           " {{ 'sameas' is test }}",
           "True False True True False True True False False True True");
    expect("{% set a = [1] %}{% set d = {} %}{{ a is sameas a }} {{ a is sameas [1] }} {{ d is sameas d }} {{ d is sameas {} }}", "True False True False");
    expect("{{ 'a' is lower }} {{ 'A' is lower }} {{ 'A' is upper }} {{ 'a' is upper }} {{ 5 is lower }} {{ none is upper }}"
           " {{ nope is defined }} {{ nope is undefined }} {{ n is defined }} {{ n is undefined }}",
           "True False True False False False False True True False");
    expect("{{ 1 is odd }} {{ 2 is odd }} {{ 2 is even }} {{ 3 is even }} {{ -3 is odd }} {{ 3.0 is odd }} {{ 1.5 is odd }}"
           " {{ true is odd }} {{ 6 is divisibleby 3 }} {{ 6 is divisibleby(4) }} {{ 1 is not odd }}",
           "True False True False True True False True True False False");
    expect("{{ 1 is gt 0 }} {{ 1 is ge 1 }} {{ 1 is lt 2 }} {{ 1 is le 0 }} {{ 1 is ne 1 }} {{ 1 is greaterthan 1 }}"
           " {{ 1 is lessthan 1 }} {{ 1 is equalto 1 }} {{ 1 is eq 2 }} {{ 'b' is in 'abc' }} {{ 'a' is in {'a': 1} }}",
           "True True True False False False False True False True True");
}

static void letters_change_their_case(void **state)
{
    (void)state;
    expect("{{ 'ab-cd (ef) {gh} [ij] <kl> mn.op it\\'s'|title }} {{ 'a\\u00a0b'|title }} {{ 'aBc dEf'.title() }}"
           " {{ \"they're 1st a1b\".title() }} {{ 'aBc dEf'.capitalize() }} {{ 'aBc'.swapcase() }}",
           "Ab-Cd (Ef) {Gh} [Ij] <Kl> Mn.op It's A B Abc Def They'Re 1St A1B Abc def AbC");
    expect("{{ 'ΑΣ'.lower() }} {{ 'ΑΣΑ'.lower() }} {{ 'Σ'.lower() }} {{ 'Α\\u0301Σ'.lower() }} {{ 'ΑΣ\\u02b0'.lower() }}"
           " {{ 'ΑΣ^'.lower() }} {{ 'ß'.upper() }} {{ 'ŉ'.upper() }} {{ 'ﬁ'.title() }} {{ 'ǆ'.title() }} {{ 'İ'.lower()|length }}",
           "ας ασα σ άς αςʰ ας^ SS ʼN Fi ǅ 2");
}

static void what_jinja2_refuses_is_refused(void **state)
{
    (void)state;
    expect_error("{{ [1 2] }}", "t:1:7: ',' or ']' is expected");
    expect_error("{{ {1 2} }}", "t:1:7: ':' is expected");
    expect_error("{{ nothing[\"a\"] }}", "t:1:11: 'nothing' is undefined, so it has no 'a'");
    expect_error("{{ n is odd is even }}", "t:1:13: 'and' or 'or' between tests is expected, not 'is'");
    expect_error("{{ n is odd if f }}", "t:1:16: '}}' is expected, not 'f'");
    expect_error("{{ n is odd in [1] }}", "t:1:16: 'in' is undefined, so it has no 'item'");
    expect_error("{{ 1e }}", "t:1:5: '}}' is expected, not 'e'");
    expect_error("{{ 1e+ }}", "t:1:5: '}}' is expected, not 'e'");
    expect_error("{{ 0b }}", "t:1:4: digits are expected");
    expect_error("{{ 012 }}", "t:1:4: a number begins with 0");
    expect_error("{{ \"ab\\xzz\" }}", "t:1:7: a '\\' in a string with digits that are no character");
    expect_error("{% for a, in [[1]] %}{% endfor %}", "t:1:14: 'in' is expected, not '['");
    expect_error("{% set a, = [1] %}", "t:1:11: a name is expected, not '='");
    expect_error("{% with a %}{% endwith %}", "t:1:11: '=' is expected");
    expect_error("{% rawx %}", "t:1:4: a statement is expected, not 'rawx'");
    expect_error("{% raw x %}{% endraw %}", "t:1:4: a statement is expected, not 'raw'");
    expect_error("{# a", "t:1:1: a comment is not closed");
    expect_error("{% raw %}a", "t:1:1: a '{% raw %}' is not closed");
    expect_error("{% filter upper %}", "t:1:19: 'endfilter' is missing");
    expect_error("{% break %}", "t:1:4: outside of a loop another statement is expected, not 'break'");
    expect_error("{% for x in [1] %}{% endfor %}{% break %}", "t:1:34: outside of a loop another statement is expected, not 'break'");
    expect_error("{% call n %}{% endcall %}", "t:1:11: a call is expected");
    expect_error("{{ 1 is eq }}", "the test 'eq' needs a value");
    expect_error("{{ 5|length }}", "t:1:6: a value of type int has no length");
    expect_error("{{ none|length }}", "t:1:9: a value of type NoneType has no length");
    expect_error("{{ 'x'|filesizeformat }}", "t:1:8: a number is needed, not str");
    expect_error("{{ [1]|filesizeformat }}", "t:1:8: a number is needed, not list");
    expect_error("{{ 'a'|round }}", "t:1:8: round needs a number, not str");
    expect_error("{{ 'a'|abs }}", "t:1:8: abs needs a number, not str");
    expect_error("{{ 9000000000000000000|round(-19) }}", "t:1:24: a number is too large");
    expect_error("{{ -9000000000000000000|round(-19) }}", "t:1:25: a number is too large");
    expect_error("{{ 42.5|round(1, 'x') }}", "t:1:9: round goes 'common', 'ceil' or 'floor'");
    expect_error("{{ [1]|slice(0)|list }}", "t:1:8: slice needs a number from 1 on");
    expect_error("{{ [1]|slice|list }}", "t:1:8: slice needs a number from 1 on");
    expect_error("{{ [1]|batch|list }}", "t:1:8: batch needs a size from 1 on");
    expect_error("{{ [1, 'a']|min }}", "t:1:13: values that have no order have no least one");
    expect_error("{{ [1, 'a']|sort }}", "t:1:13: values of type int and str have no order");
    expect_error("{{ ['a']|sum }}", "t:1:10: +: not for values of type int and str");
    expect_error("{{ [1]|sum(start='a') }}", "t:1:8: sum adds no strings; |join does");
    expect_error("{{ [1]|select(1)|list }}", "t:1:8: the name of a test is needed");
    expect_error("{{ [1]|map|list }}", "t:1:8: map needs a filter or an attribute");
    expect_error("{{ [1]|map(1)|list }}", "t:1:8: map needs the name of a filter");
    expect_error("{{ [1]|map(default=1)|list }}", "t:1:8: map needs a filter or an attribute");
    expect_error("{{ [1]|map(attribute='a', x=1)|list }}", "t:1:8: map has no argument 'x'");
    expect_error("{{ [1]|map('upper', attribute='a')|list }}", "t:1:8: the filter upper has no argument 'attribute'");
    expect_error("{{ {'b': 1}|dictsort(by='x') }}", "t:1:13: dictsort goes by 'key' or by 'value'");
    expect_error("{{ [[1], [1]]|unique|list }}", "t:1:15: unique is not for values of type list");
    expect_error("{{ [1]|groupby }}", "t:1:8: groupby needs an attribute");
    expect_error("{{ [{'c': 1}, {}]|groupby('c') }}", "t:1:19: values of type int and undefined have no order");
    expect_error("{{ [1]|map('string')|last }}", "t:1:22: a generator has no last item; |list makes a list of it");
    expect_error("{{ [1]|map('string')|length }}", "t:1:22: a generator has no length; |list makes a list of it");
    expect_error("{{ 'a'|replace('a') }}", "t:1:8: replace needs what and by what");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(tags_and_comments_end_where_they_end),
        cmocka_unit_test(values_are_written_in_many_ways),
        cmocka_unit_test(tests_take_an_argument_without_brackets),
        cmocka_unit_test(attributes_of_items_are_paths),
        cmocka_unit_test(items_are_sorted),
        cmocka_unit_test(items_are_picked_and_put_together),
        cmocka_unit_test(numbers_are_read_and_rounded),
        cmocka_unit_test(texts_stay_safe_or_are_taken_as_written),
        cmocka_unit_test(tests_tell_what_a_value_is),
        cmocka_unit_test(letters_change_their_case),
        cmocka_unit_test(what_jinja2_refuses_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
