/* Operators, comparisons, items, slices, loops and calls of templates, each way through them at least once.
 * The values are those of jinja2 3.1.6 in the environment of transformers 5. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

#include "tests/unit/chat_expect.h"

static void numbers_are_those_of_python(void **state)
{
    (void)state;
    expect("{{ 1.5 + 2 }} {{ 1.5 - 2 }} {{ 1.5 * 2 }} {{ 1.5 / 2 }} {{ 2 - 1.5 }}", "3.5 -0.5 3.0 0.75 0.5");
    expect("{{ 5 + 0 }} {{ 5 - 0 }} {{ 5 * 0 }} {{ 5.0 + 0 }} {{ 0.5 // -0.25 }} {{ 5.5 % -2 }} {{ -5.5 % 2 }} {{ 0.0 // 5 }}"
           " {{ -0.0 // 5 }} {{ 1.0 % -1 }}",
           "5 5 0 5.0 -2.0 -0.5 0.5 0.0 -0.0 -0.0");
    expect("{{ 0 ** 0 }} {{ 1 ** 0 }} {{ 0 ** 5 }} {{ 1 ** 99999999999 }} {{ (-1) ** 3 }} {{ (-1) ** 4 }} {{ 2 ** 0.5 }} {{ 2.0 ** 3 }}",
           "1 1 0 1 -1 1 1.4142135623730951 8.0");
}

static void values_compare_as_in_python(void **state)
{
    (void)state;
    expect("{{ 3 < 2.5 }}{{ 3 > 2.5 }}{{ 2 <= 2.0 }}{{ 2 >= 2.0 }}{{ true < 2 }}{{ 'a' < 'b' }}{{ [1, 2] < [1, 3] }}{{ (1,) <= (1, 0) }}",
           "FalseTrueTrueTrueTrueTrueTrueTrue");
    expect("{{ range(3) == range(3) }}{{ range(3) == range(4) }}{{ range(0) == range(5, 5) }}{{ range(0, 3, 2) == range(0, 4, 2) }}"
           "{{ {'a': 1}.keys() == {'a': 2}.keys() }}{{ {'a': 1}.values() == {'a': 1}.values() }}"
           "{{ {'a': 1}.items() == {'a': 1}.items() }}{{ {'a': 1}.keys() == {'a': 1, 'b': 2}.keys() }}"
           "{{ {'a': 1}.keys() == {'b': 1}.keys() }}{{ {'a': 1}.keys() == ['a'] }}",
           "TrueFalseTrueTrueTrueFalseTrueFalseFalseFalse");
    expect("{{ true == 1 }}{{ 2 == true }}{{ 256 == 0 }}{{ 256 == false }}{{ 256 < 1 }}{{ 256 < true }}{{ true < 256 }}{{ 1.0 == 1 }}"
           "{{ 0.5 < true }}{{ none == false }}{{ 'a' == 1 }}",
           "TrueFalseFalseFalseFalseFalseTrueTrueTrueFalseFalse");
    expect("{{ 'y' if 0.5 else 'n' }}{{ 'y' if 0.0 else 'n' }}{{ 'y' if -0.5 else 'n' }}{{ 'y' if {'a': 1} else 'n' }}"
           "{{ 'y' if {} else 'n' }}{{ 'y' if () else 'n' }}{{ 'y' if range(0) else 'n' }}{{ 'y' if 'x' else 'n' }}"
           "{{ 'y' if 2 else 'n' }}",
           "ynyynnnyy");
    expect("{{ [1] < [1, 2] }}{{ [1, 2] < [1] }}{{ [1, 2] < [1, 2] }}{{ [] < [1] }}{{ (1, 2) >= (1,) }}{{ [2] > [1, 9] }}",
           "TrueFalseFalseTrueTrueTrue");
    expect("{{ {'a': 1, 'b': [1, {'c': none}]} == {'b': [1, {'c': none}], 'a': 1} }}{{ {'a': 1} == {'a': 2} }}{{ {'a': 1} == {'b': 1} }}"
           "{{ [1, 2] == (1, 2) }}{{ [1] == [1.0] }}",
           "TrueFalseFalseFalseTrue");
}

/* Integers of more than 64 bits come from a chat only. */
static void large_integers_compare_by_their_digits(void **state)
{
    (void)state;
    static const char json[] = "{\"messages\":[],\"a\":123456789012345678901,\"b\":-123456789012345678901,\"c\":123456789012345678900,"
                               "\"d\":-123456789012345678902,\"e\":123456789012345678901,\"g\":12345678901234567890,\"h\":-12345678901234567890}";
    struct chat_text out = {{0}, {0}};
    struct err e = {0};
    if (render("{{ a > 5 }}{{ 5 > a }}{{ b < 5 }}{{ a > c }}{{ c > a }}{{ b > d }}{{ d > b }}{{ a == e }}{{ a == c }}{{ g < a }}{{ a < g }}"
               "{{ b < h }}{{ h < b }}{{ 1.5 < a }}{{ a < b }}{{ b < a }}{{ a in [b, e] }}{{ a|int }}", json, NULL, &out, &e))
        fail_msg("%s", e.msg);
    assert_string_equal(buf_text(&out.text), "TrueFalseTrueTrueFalseTrueFalseTrueFalseTrueFalseTrueFalseTrueFalseTrueTrue123456789012345678901");
    chat_text_free(&out);
}

static void items_and_arguments_are_found(void **state)
{
    (void)state;
    expect("{{ [1, 2, 3][0:2] }}{{ [1, 2, 3][0:] }}{{ 'abc'[0:1] }}{{ [1, 2, 3][2:0:-1] }}", "[1, 2][1, 2, 3]a[3, 2]");
    expect("{{ 'a' in nope }}{{ 'a' not in nope }}{{ {1: 2}[3] is defined }}{{ {'a': 1}['keys']()|list }}{{ {'a': 1}['b'] is defined }}",
           "FalseTrueFalse['a']False");
    expect("{{ [] * 3 }}{{ 'ab' * -1 }}{{ [1] * true }}{{ 'ab' * 2 }}{{ [1, 2] + [] }}{{ (1,) + (2, 3) }}", "[][1]abab[1, 2](1, 2, 3)");
    expect("{% set v | replace('x', 'y') | upper %}x{% endset %}{{ v }}{% filter replace('x', 'y') | upper %}x{% endfilter %}", "YY");
    expect("{% macro f(a, b='x') %}{{ a }}{{ b }}{{ varargs }}{{ kwargs }}{% endmacro %}{{ f(1, 2, 3) }}{{ f(b=1, a=2, c=3) }}"
           "{{ f(*[1, 2, 3], **{'k': 4}) }}",
           "12(3,){}21(){'c': 3}12(3,){'k': 4}");
}

static void loops_know_where_they_are(void **state)
{
    (void)state;
    expect("{% for x in [1, 2, 3] %}{{ loop.index }}{{ loop.index0 }}{{ loop.revindex }}{{ loop.revindex0 }}{{ loop.first }}"
           "{{ loop.last }}{{ loop.length }}{{ loop.previtem }}{{ loop.nextitem }}{{ loop.depth }}{{ loop.depth0 }};{% endfor %}",
           "1032TrueFalse3210;2121FalseFalse31310;3210FalseTrue3210;");
    expect("{% for x in [1, 1, 2] %}{{ loop.changed(x) }}{{ loop.changed(x, 1) }}{{ loop.cycle('a', 'b') }}{% endfor %}",
           "TrueTrueaTrueTruebTrueTruea");
    expect("{% for i in [1, 2] %}[{{ y }}]{% set y = i %}{% endfor %}", "[][]");
    expect("{% set g = [1, 2, 3, 4]|map('string') %}{% for x in g %}{% if loop.first %}{{ loop.length }}{% else %}{% break %}{% endif %}"
           "{% endfor %}{{ g|list }}",
           "4[]");
    expect("{% set l = [1, 2, 3] %}{% for x in l %}{% break %}{% endfor %}{{ l }}{% set g = [1, 2]|map('string') %}{% for x in g %}"
           "{% endfor %}{{ g|list }}",
           "[1, 2, 3][]");
    expect("{% for x in 'abc' %}{{ loop.cycle('x', 'y') }}{{ loop.first }}{{ loop.previtem }}{{ loop.nextitem }}{% endfor %}",
           "xTruebyFalseacxFalseb");
}

/* Each with its place. */
static void what_python_refuses_is_refused(void **state)
{
    (void)state;
    expect_error("{{ 1 < 'a' }}", "t:1:4: comparison: not for values of type int and str");
    expect_error("{{ none < 1 }}", "t:1:4: comparison: not for values of type NoneType and int");
    expect_error("{{ 1.5 / 0 }}", "t:1:4: division by zero");
    expect_error("{{ 1.5 % 0.0 }}", "t:1:4: division by zero");
    expect_error("{{ 1.5 // 0 }}", "t:1:4: division by zero");
    expect_error("{{ 5 % 0 }}", "t:1:4: division by zero");
    expect_error("{{ 5 // 0 }}", "t:1:4: division by zero");
    expect_error("{{ 5 / 0 }}", "t:1:4: division by zero");
    expect_error("{{ 1e200 ** 2 }}", "t:1:4: a number is too large");
    expect_error("{{ 0.0 ** -1 }}", "t:1:4: zero to a negative power");
    expect_error("{{ _a.b }}", "t:1:7: '_a' is undefined, so it has no 'b'");
    expect_error("{{ __a.b }}", "t:1:8: '__a' is not for templates");
    expect_error("{{ -(-9223372036854775807 - 1) }}", "t:1:6: a number is too large");
    expect_error("{{ 9223372036854775807 + 1 }}", "t:1:4: a number is too large");
    expect_error("{{ 9223372036854775807 * 2 }}", "t:1:4: a number is too large");
    expect_error("{{ -9223372036854775807 - 2 }}", "t:1:4: a number is too large");
    expect_error("{{ (-9223372036854775807 - 1) // -1 }}", "t:1:5: a number is too large");
    expect_error("{{ range(0, 9000000000000000000, 5000000000000000000)[0:2] }}", "t:1:57: a number is too large");
    expect_error("{{ [1][::0] }}", "t:1:10: the step of a slice is an integer, not 0");
    expect_error("{{ [1]['a':] }}", "t:1:8: a slice needs integers, not str");
    expect_error("{{ (1 if false)() }}", "t:1:10: an undefined value is called");
    expect_error("{{ nope() }}", "t:1:4: 'nope' is undefined");
    expect_error("{{ 5() }}", "t:1:4: a value of type int cannot be called");
    expect_error("{{ (1 if false).x }}", "t:1:17: an undefined value has no 'x'");
    expect_error("{% for x in [1] %}{{ loop.cycle() }}{% endfor %}", "t:1:27: cycle needs values");
    expect_error("{% for x in [1] recursive %}{{ loop() }}{% endfor %}", "t:1:32: a loop is called with what it goes through");
    expect_error("{% for x in [1] recursive %}{{ loop([1], 2) }}{% endfor %}", "t:1:32: a loop is called with what it goes through");
    expect_error("{% macro f() %}{{ kwargs }}{% endmacro %}{{ f(a=1, **{'a': 2}) }}", "t:1:60: argument 'a' is given twice");
    expect_error("{% macro f() %}{{ kwargs }}{% endmacro %}{{ f(**{1: 2}) }}", "t:1:53: names of arguments must be strings");
    expect_error("{% set ns = namespace() %}{% set ns._ = 1 %}", "t:1:41: a namespace has no member '_': names there do not begin with '_'");
    expect_error("{% set ns = 1 %}{% set ns.a = 1 %}", "t:1:31: only namespaces have attributes that can be set");
    expect_error("{% set a, b = [1] %}", "t:1:16: 1 values for 2 names");
    expect_error("{{ cycler('a') + 1 }}", "t:1:4: +: not for values of type Cycler and int");
    expect_error("{{ joiner() + 1 }}", "t:1:4: +: not for values of type Joiner and int");
    expect_error("{{ 'a'|join|nofilter }}", "t:1:13: there is no filter 'nofilter'");
    expect_error("{{ -'a' }}", "t:1:5: a value of type str has no sign");
    expect_error("{{ 1 in 5 }}", "t:1:4: in: not for values of type int and int");
    expect_error("{{ 'a'.upper + 'b' }}", "t:1:8: +: not for values of type method and str");
    expect_error("{{ '%(a)s %s' % {'a': 1} }}", "t:1:4: the format wants more values");
    expect_error("{{ strftime_now('%Y' * 150) }}", "t:1:4: strftime_now needs a short format");
    expect_error("{{ [1] + (2,) }}", "t:1:8: +: not for values of type list and tuple");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(numbers_are_those_of_python),
        cmocka_unit_test(values_compare_as_in_python),
        cmocka_unit_test(large_integers_compare_by_their_digits),
        cmocka_unit_test(items_and_arguments_are_found),
        cmocka_unit_test(loops_know_where_they_are),
        cmocka_unit_test(what_python_refuses_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
