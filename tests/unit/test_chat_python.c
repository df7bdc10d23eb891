/* What templates say in the language of Python and Jinja beyond what most of them need.
 * The values are those of jinja2 3.1.6 in the environment of transformers 5. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

#include "tests/unit/chat_expect.h"

#define TREE "{% set t = [{'n': 'a', 'k': [{'n': 'b'}, {'n': 'c', 'k': [{'n': 'd'}]}]}, {'n': 'e'}] %}"

static void loops_call_themselves(void **state)
{
    (void)state;
    expect(TREE "{% for x in t recursive %}{{ loop.depth }}{{ x.n }}({{ loop(x.k) if x.k }}){% endfor %}", "1a(2b()2c(3d()))1e()");
    expect(TREE "{% for x in t if x.n != 'e' recursive %}{{ x.n }}{{ loop(x.k) if x.k }}{% else %}-{% endfor %}", "abcd");
    expect(TREE "{% for x in t recursive %}{{ x.n }}[{{ loop(x.k|default([])) }}]{% else %}-{% endfor %}", "a[b[-]c[d[-]]]e[-]");
    expect(TREE "{% for x in t recursive %}{% set r = loop(x.k) if x.k else '' %}{{ x.n ~ r|upper }}{% endfor %}", "aBCDe");
    /* depth counts calls, not loops around */
    expect("{% for i in [1] %}{% for j in [1] %}{{ loop.depth }}{{ loop.depth0 }}{% endfor %}{% endfor %}", "10");
    expect_error("{% for i in [1] %}{{ loop([2]) }}{% endfor %}", "t:1:22: a loop that calls itself must be marked 'recursive'");
    expect_error("{% for i in [1] recursive %}{{ loop(5) }}{% endfor %}", "cannot be looped over");
    expect_error("{% for i in [1] recursive %}{{ loop([1]) }}{% endfor %}", "nested or recursive more than 1500 deep");
    expect("{% macro f(n) %}{{ n % 10 }}{% if n %}{{ f(n - 1) }}{% endif %}{% endmacro %}{{ f(120)|length }}", "121");
}

static void loops_ask_about_an_item_when_they_come_to_it(void **state)
{
    (void)state;
#define COUNT "{% set ns = namespace(n=0) %}"
#define MORE "{% set ns.n = ns.n + 1 %}"
    expect(COUNT "{% for x in [1, 2, 3, 4] if ns.n < 2 %}{{ x }}" MORE "{% endfor %}", "12");
    expect(COUNT "{% for x in [1, 2, 3, 4] if ns.n < 2 %}{{ x }}{{ loop.last }}" MORE "{% endfor %}", "1False2False3True");
    expect(COUNT "{% for x in [1, 2, 3, 4] if ns.n < 2 %}{{ loop.length }}{{ x }}" MORE "{% endfor %}", "41424344");
    expect(COUNT "{% for x in [1, 2, 3, 4] if ns.n < 2 %}{{ loop.nextitem }}{{ x }}" MORE "{% endfor %}", "21323");
    expect(COUNT "{% for x in [1, 2, 3, 4] if ns.n < 2 %}{{ loop|length if loop.first }}{{ x }}" MORE "{% endfor %}", "41234");
    expect(COUNT "{% for x in [1, 2, 3] if ns.n < 2 %}{{ loop }}" MORE "{% endfor %}", "<LoopContext 1/3><LoopContext 2/3><LoopContext 3/3>");
    expect("{% for x in [1, 2, 'a'] if x > 1 %}{{ x }}{{ loop.index }}{% break %}{% endfor %}", "21");
    expect("{% set g = [1, 2, 3, 4, 5]|select %}{% for x in g if x > 1 %}{{ x }}{{ loop.last }}{% break %}{% endfor %}{{ g|list }}", "2False[4, 5]");
    expect("{% for x, (y, z) in [[1, [2, 3]], ['a', 'bc']] if y %}{{ loop.nextitem }}{{ loop.previtem }}{{ z }}{% endfor %}",
           "('a', ('b', 'c'))3(1, (2, 3))c");
    expect_error("{% for x in [1, 2] if x %}{{ [loop] }}{% endfor %}", "a value of type list has no text that means anything");
    expect_error("{% for x, y in [[1, 2, 3]] if y %}{% endfor %}", "3 values for 2 names");
    expect_error("{% for x in [1, 2, 'a'] if x > 1 %}{{ loop.last }}{% break %}{% endfor %}", "not for values of type str and int");
}

/* jinja2 reads a member of a namespace when an item is asked for. */
static void what_is_made_of_namespaces_is_not_kept_while_they_change(void **state)
{
#define SPACES "{% set ns = namespace(x=1) %}{% set m = namespace(x=2) %}{% set g = [ns, m]|map(attribute='x') %}"
#define CHANGED "what a filter makes of members of a namespace is gone through after some were set; |list takes them before"
    (void)state;
    expect(SPACES "{{ g|list }}{% set ns.x = 5 %}", "[1, 2]");
    expect(SPACES "{% set l = g|list %}{% set ns.x = 5 %}{{ l }}{{ l|map('string')|list }}", "[1, 2]['1', '2']");
    expect("{% set ns = namespace(x=1) %}{% set ns.x = 5 %}{{ [ns]|map(attribute='x')|list }}", "[5]");
    expect("{% set ns = namespace(x=1) %}{% set g = [{'x': ns.x}]|map(attribute='x') %}{% set ns.x = 5 %}{{ g|list }}", "[1]");
    expect("{% set ns = namespace(x=1) %}{% for i in ['a', 'b']|map('upper') %}{% set ns.x = i %}{{ ns.x }}{% endfor %}", "AB");
    expect(SPACES "{% for i in g %}{{ i }}{% if loop.last %}{% set ns.x = 5 %}{% endif %}{% endfor %}", "12");
    expect_error(SPACES "{% set ns.x = 5 %}{{ g|list }}", CHANGED);
    expect_error(SPACES "{% set ns.x = 5 %}{{ g|first }}", CHANGED);
    expect_error(SPACES "{% set ns.x = 5 %}{{ 5 in g }}", CHANGED);
    expect_error(SPACES "{% for i in g %}{% set ns.x = 5 %}{% endfor %}", CHANGED);
    expect_error(SPACES "{% for i in g if i %}{% set ns.x = 5 %}{% endfor %}", CHANGED);
    expect_error(SPACES "{% for i in g %}{% set ns.x = 5 %}{{ loop.nextitem }}{% endfor %}", CHANGED);
    expect_error(SPACES "{% set h = g|map('string') %}{% set ns.x = 5 %}{{ h|list }}", CHANGED);
    expect_error("{% set ns = namespace(x=1) %}{% set g = [ns]|selectattr('x', 'gt', 3) %}{% set ns.x = 5 %}{{ g|list }}", CHANGED);
    expect_error("{% set ns = namespace(x=1) %}{% set g = [ns]|map('string') %}{% set ns.x = 5 %}{{ g|list }}", CHANGED);
#undef SPACES
#undef CHANGED
}

static void remainders_have_the_sign_of_what_divides(void **state)
{
    (void)state;
    expect("{{ -7.5 % 2 }} {{ 7.5 % -2 }} {{ -7.5 // 2 }} {{ 7.5 // -2 }} {{ 7.5 % 2 }} {{ -7.5 % -2 }} {{ 7.5 // 2 }} {{ -6.0 % 2 }} {{ 6.0 % -2 }} {{ -7 % 2 }} {{ 7 % -2 }} {{ -7 // 2 }} {{ 7 // -2 }} {{ -7 // -2 }} {{ -0.5 // 2 }} {{ 0.5 // -2 }}",
           "0.5 -0.5 -4.0 -4.0 1.5 -1.5 3.0 0.0 -0.0 1 -1 -4 -4 3 -1.0 -1.0");
}

static void blocks_are_left_as_in_jinja(void **state)
{
    (void)state;
    /* nothing is written or set by a block that {% break %} or {% continue %} leaves */
    expect("{% for x in [1, 2] %}{% filter upper %}a{{ x }}{% break %}{% endfilter %}{% endfor %}|", "|");
    expect("{% for x in [1, 2] %}{% set y %}{{ x }}{% if x == 1 %}{% continue %}{% endif %}{% endset %}{{ y }}{% endfor %}", "2");
    expect_error("{% for x in [1] %}{% generation %}{% break %}{% endgeneration %}{% endfor %}", "outside of a loop another statement is expected");
    expect_error("{% for x in [1] %}{% call f() %}{% break %}{% endcall %}{% endfor %}", "outside of a loop another statement is expected");
    expect_error("{% for x in [1] %}{% set loop = 1 %}{% endfor %}", "'loop' is what a loop calls itself");
    expect_error("{% macro m(caller) %}{% endmacro %}", "a parameter 'caller' needs a default");
    expect("{% print n, 1 %}{% print %}", "71");
    expect("{% set ns = namespace() %}{% set ns.a, (ns.b, c) = 1, (2, 3) %}{{ ns.a }}{{ ns.b }}{{ c }}", "123");
    expect("{{ 1 is eq 1 }}{{ 2 is lt 2 }}{{ 3 is divisibleby 3 }}", "TrueFalseTrue");
}

static void odd_values_are_taken_as_in_jinja(void **state)
{
    (void)state;
    expect("{{ 'foo'|replace('o', 42) }}{{ '5None'|replace(5, 'x')|replace(none, 1) }}", "f4242x1");
    expect("{{ {(1, 2): 'x'}[1, 2] }}{{ {(): 'y'}[] }}{{ [1][]|default('z') }}{{ 'ab'[1, 2] is defined }}", "xyzFalse");
    expect("{% for i in [1] %}{% with a = 1, (b, (loop,)) = (2, (3,)) %}{{ a }}{{ b }}{{ loop }}{% endwith %}{% endfor %}", "123");
    expect("{{ 7|int(base='x') }}{{ '7'|int(base='x') }}{{ 'a'|int(3, base=none) }}{{ '11'|int(0, true) }}{{ 'z'|int(base=36) }}", "7731135");
    expect("{{ [none, none]|sort }}{{ [[none, 2], [none, 1]]|sort }}", "[None, None][[None, 1], [None, 2]]");
    expect("{{ [{'a': {'b': 1}}, {}]|map(attribute='a.b', default='x')|join(',') }}{{ [{}]|groupby('a.b', default='x') }}", "1,x[('x', [{}])]");
    expect("{{ ({'items': 4}|attr('items'))()|list }}{{ {'k': 4}|attr('k') is defined }}", "[('items', 4)]False");
    expect("{% macro m() %}{{ caller.name }}{{ caller }}{{ caller() }}{% endmacro %}{% call m() %}c{% endcall %}{{ m.name }}", "None<Macro anonymous>cm");
    expect("{% set l = [1] %}{{ zz is sameas zz }}{{ l is sameas l }}{{ l is sameas [1] }}{{ n is sameas 7 }}", "FalseTrueFalseTrue");
    expect_error("{{ namespace(zz) }}", "an undefined value is no mapping");
    expect_error("{{ dict(zz, a=1) }}", "an undefined value is no mapping");
    expect_error("{{ [none, 1]|sort }}", "have no order");
    expect_error("{{ [none, none]|max }}", "no order");
    expect_error("{% filter wordcount %}a b{% endfilter %}", "the filters of a block make a text, not int");
    expect_error("{{ [1][2, ] }}", "a value is expected");
}

static void arguments_have_the_types_of_python(void **state)
{
    (void)state;
    /* none is as no argument only where Python says so */
    expect("{{ 'a b'.split(none) }}{{ ' a '.strip(none) }}{{ 'aba'.find('a', none, none) }}{{ 'aa'|replace('a', 'b', none) }}{{ 'a b'|truncate(3, leeway=none) }}",
           "['a', 'b']a0bba b");
    expect("{{ 2.5|round(none) }}{{ 3|round(precision=none) }}{{ 1e20|round(none) }}", "23100000000000000000000");
    expect("{{ 'ab'|map(attribute=none, default='x')|list }}{{ 'ab'|join('-', none) }}{{ ['b', 'a']|sort(attribute=none) }}{{ [0, 1]|selectattr(none)|list }}{{ 'aba'|unique(false, none)|list }}",
           "['a', 'b']a-b['a', 'b'][1]['a', 'b']");
    expect("{{ 'a'|sort(true) }}{{ 'ab'|sort(reverse=1) }}{{ 'a\\nb'.splitlines(1) }}{{ 'x'|urlize(rel=[]) }}", "['a']['b', 'a']['a\\n', 'b']x");
    expect("{{ 'a'|safe is sameas 'a' }}{{+ 'a' }}{{+ true -}} ", "FalseaTrue");
    expect_error("{{ range(none) }}", "'stop' is an integer, not NoneType");
    expect_error("{{ range(1, 2, none) }}", "'step' is an integer, not NoneType");
    expect_error("{{ 'a'|center(none) }}", "'width' is an integer, not NoneType");
    expect_error("{{ 'a'.expandtabs(none) }}", "'tabsize' is an integer, not NoneType");
    expect_error("{{ 'a'.replace('a', none) }}", "'new' is a string, not NoneType");
    expect_error("{{ 'a'.removeprefix() }}", "a string to remove is needed");
    expect_error("{{ 'a'|truncate(none) }}", "'length' is an integer, not NoneType");
    expect_error("{{ 'a'.splitlines('a') }}", "'keepends' is an integer, not str");
    expect_error("{{ []|sort(reverse='') }}", "'reverse' is an integer, not str");
    expect_error("{{ {}|dictsort(by='keys') }}", "dictsort goes by 'key' or by 'value'");
    expect_error("{{ {}|dictsort(reverse=none) }}", "'reverse' is an integer, not NoneType");
    expect_error("{{ 'x'|urlize(rel=1) }}", "'rel' is a string, not int");
    expect_error("{{ strftime_now('%Y', 1) }}", "strftime_now takes 1 argument at most");
    expect("{{ 'abc'.partition('b'|safe) }}{{ 'ac'.rpartition('b'|safe) }}", "('a', Markup('b'), 'c')('', '', 'ac')");
    expect("{% set caller = 1 %}{% generation %}{{ varargs }}{{ kwargs }}{{ caller is defined }}{% endgeneration %}{{ varargs is defined }}", "(){}FalseFalse");
    expect_error("{% call dict(a=1) %}{% endcall %}", "{% call %} is for macros, not for a value of type");
    expect_error("{% call 'x'.upper() %}{% endcall %}", "{% call %} is for macros, not for a value of type method");
    expect_error("{% call zz() %}{% endcall %}", "'zz' is undefined");
    expect_error("{{ 2.5e5e+100 }}", "'}}' is expected, not 'e'");
    expect_error("{{ n[1:] }}", "a value of type int has no slices");
}

static void names_are_known_before_a_template_runs(void **state)
{
    (void)state;
    expect("{% if false %}{{ 1|foo }}{{ 1 is bar }}{% endif %}{{ 1|foo if false }}{{ 'foo' is filter }}", "False");
    expect("{% if false %}{% with a = 1|foo %}{% endwith %}{% for x in 1|foo %}{% endfor %}{% endif %}", "");
    expect_error("{% macro m() %}{{ 1|foo }}{% endmacro %}", "t:1:21: there is no filter 'foo'");
    expect_error("{% if false %}{% for x in [] %}{{ 1|foo }}{% endfor %}{% endif %}", "there is no filter 'foo'");
    expect_error("{% for x in [] if x is foo %}{% endfor %}", "there is no test 'foo'");
    expect_error("{% for x in [] %}{% else %}{{ {'a': [1|foo]} }}{% endfor %}", "there is no filter 'foo'");
    expect_error("{% if false %}{% set x | foo %}{% endset %}{% endif %}", "there is no filter 'foo'");
    expect_error("{% if false %}{% filter foo %}{% endfilter %}{% endif %}", "there is no filter 'foo'");
    expect_error("{% macro m(a=1|foo) %}{% endmacro %}", "there is no filter 'foo'");
    expect_error("{% if false %}{% with %}{{ m(b=1|foo) }}{% endwith %}{% endif %}", "there is no filter 'foo'");
    expect_error("{% if true %}{{ 1|foo }}{% endif %}", "there is no filter 'foo'");
}

static void percent_formats_as_python(void **state)
{
    (void)state;
    expect("{{ '%5.2f|%-5d|%05d|%+d|%x|%o|%e|%g' % (1.5, 2, -3, 4, 255, 8, 12345.678, 0.0001) }}",
           " 1.50|2    |-0003|+4|ff|10|1.234568e+04|0.0001");
    expect("{{ '%(a)s-%(b)03d' % {'a': 1, 'b': 2} }}{{ '%(a)s'|format(a='q') }}{{ '%s%%' % 5 }}", "1-002q5%");
    expect("{{ '%r %a' % ('x\u00e9', '\u00e9') }}{{ '%c%c' % (65, 'z') }}{{ '%*d|%-*d|%.*f' % (4, 1, 4, 2, 1, 2.25) }}",
           "'x\u00e9' '\\xe9'Az   1|2   |2.2");
    expect("{{ '%#o %#06x %.3d % d %05.1f' % (8, 255, 7, 3, -2.55) }}{{ '%d%i' % (3.7, true) }}", "0o10 0x00ff 007  3 -02.531");
    expect("{{ '%5.1s|%-4s|' % ('\u00e9\u00e8', '\u00e0') }}", "    \u00e9|\u00e0   |");
    expect("{{ ('<%s%d>'|safe) % ('<', 1) }}{{ '<%s>'|safe|format('<'|safe) }}", "<&lt;1><<>");
    expect_error("{{ '%d' % 'x' }}", "'%d' is not a format for this value");
    expect_error("{{ '%(a)s' % {'b': 1} }}", "the format has no value of the name 'a'");
    expect_error("{{ '%(a' % {'a': 1} }}", "a name in the format is not closed");
    expect_error("{{ '%s %s' % 1 }}", "wants more values");
    expect_error("{{ '%s' % (1, 2) }}", "not all values are used");
    expect_error("{{ 'x%' % () }}", "a '%' at the end");
    expect_error("{{ '%99999999999d' % 1 }}", "a width or precision of more than");
    expect_error("{{ '%s%(a)s'|format(1, a=2) }}", "by position or by name");
}

static void braces_format_as_python(void **state)
{
    (void)state;
    expect("{{ '{:>5}|{:<4}|{:^5}|{:*=+6}'.format(1, 2, 'x', 7) }}", "    1|2   |  x  |+****7");
    expect("{{ '{:.2f} {:x} {:,} {:08,} {:_b} {:%} {:#o}'.format(1.234, 255, 1234567, 1234, 37, 0.25, 8) }}",
           "1.23 ff 1,234,567 0,001,234 10_0101 25.000000% 0o10");
    expect("{{ '{0[a]}{0[b][1]}{1.k}{n!r:>4}'.format({'a': 1, 'b': [2, 3]}, {}, n='q') }}", "13 'q'");
    expect("{{ '{:{w}.{p}f}|{{}}'.format(2.5, w=6, p=1) }}{{ '{x}'.format_map({'x': 1}) }}", "   2.5|{}1");
    expect("{{ '{} {:.3} {:.2} {:g} {:G}'.format(3.0, 1234.0, 100.0, 1e16, 1e-7) }}", "3.0 1.23e+03 1e+02 1e+16 1E-07");
    expect("{{ '{:05}{:\u00e9<4}{:.1}'.format('ab', 1, 'xyz') }}{{ '{:c}'.format(955) }}", "ab0001\u00e9\u00e9\u00e9x\u03bb");
    expect("{{ ('{} {}'|safe).format('<', '<'|safe) }}", "&lt; <");
    expect_error("{{ '{} {0}'.format(1) }}", "fields with and without numbers");
    expect_error("{{ '{a}'.format(1) }}", "nothing for the field '{a}'");
    expect_error("{{ '{:d}'.format('x') }}", "'d' is no form for a value of type str");
    expect_error("{{ '{:5}'.format(none) }}", "'5' is no form for a value of type NoneType");
    expect_error("{{ '{:{:{}}}'.format(1, 2, 3) }}", "fields in forms of fields of forms");
    expect_error("{{ '{'.format() }}", "a '{' is not closed");
    expect_error("{{ '{a!x}'.format(a=1) }}", "'!' is followed by");
    expect_error("{{ '{:.9999f}'.format(1.5) }}", "a precision of more than");
}

static void strings_have_the_methods_of_python(void **state)
{
    (void)state;
    expect("{{ 'a-b'.startswith('-', 1) }}{{ 'a-b'.startswith(('x', '-b'), -2) }}{{ 'a-b'.endswith('a', 0, 1) }}{{ 'ab'.startswith('', 3) }}",
           "TrueTrueTrueFalse");
    expect("{{ 'ban\u00e4na'.find('a', 2) }}{{ 'banana'.rfind('a', 0, 4) }}{{ 'banana'.count('a', 2) }}{{ 'banana'.index('n', 3) }}{{ ''.find('', 1) }}",
           "5324-1");
    expect("{{ 'Üß ǆA'.swapcase() }} {{ 'Üß'.casefold() }} {{ 'a\tb\n\tc'.expandtabs(4) }}", "üSS Ǆa üss a   b\n    c");
    expect("{{ 'Abc D'.istitle() }}{{ 'AbC'.istitle() }}{{ 'é_1'.isidentifier() }}{{ '1a'.isidentifier() }}{{ 'a\n'.isprintable() }}{{ '一'.isnumeric() }}",
           "TrueFalseTrueFalseFalseTrue");
    expect("{{ 'abc'.translate({97: 'x', 98: none, 99: 955}) }}{{ 'abc'.translate('abc'.maketrans('ab', 'xy', 'c')) }}", "xλxy");
    expect("{{ ('<'|safe).replace('<', '&') }}{{ ('-'|safe).join(['<', '>'|safe, 1]) }}{{ ('x<'|safe).strip('x') }}", "&amp;&lt;->-1<");
    expect("{{ (6).bit_length() }}{{ (7).bit_count() }}{{ 2.0.is_integer() }}{{ 2.5.as_integer_ratio() }}{{ 2.5.hex() }}{{ (5).real }}{{ true.denominator }}",
           "33True(5, 2)0x1.4000000000000p+151");
    expect("{{ dict.fromkeys('ab', 1) }}{{ {}.fromkeys([1]) }}{{ range(9)[2:5] }}{{ range(0, 9, 2)[::-1] }}{{ range(3).stop }}{{ range(3).index(2) }}",
           "{'a': 1, 'b': 1}{1: None}range(2, 5)range(8, -2, -2)32");
    expect_error("{{ 'ab'.index('c', 1) }}", "substring not found");
    expect_error("{{ 'ab'.startswith((1, 'a')) }}", "a tuple of strings is needed");
    expect_error("{{ 'a'.translate({97: 1.5}) }}", "a value of type float is no character");
    expect_error("{{ 'a'.maketrans('ab', 'c') }}", "two strings of the same length");
    expect_error("{{ 1e300.as_integer_ratio() }}", "a number is too large");
}

static void texts_are_cut_and_wrapped(void **state)
{
    (void)state;
    expect("{{ 'foo bar baz qux'|truncate(9) }}|{{ 'foo bar baz qux'|truncate(9, true) }}|{{ 'foo bar baz qux'|truncate(11) }}|"
           "{{ 'foo bar baz qux'|truncate(11, false, '.', 0) }}|{{ 'a<'|safe|truncate(1, true, '<', 0) }}",
           "foo...|foo ba...|foo bar baz qux|foo bar.|&lt;");
    expect("{{ 'a well-known word--and others'|wordwrap(9) }}|{{ 'abcdefgh ij'|wordwrap(3, false, '/') }}|{{ 'x-ya-1-aexample.com'|wordwrap(11) }}",
           "a well-\nknown\nword--and\nothers|abcdefgh/ij|x-ya-1-\naexample.co\nm");
    expect("{{ ' a\\n\\n  bc  d '|wordwrap(4) }}|{{ 'ab-cdef'|wordwrap(3, true, none, false) }}", " a\n\n  bc\nd|ab-\ncde\nf");
    expect("{{ 1|filesizeformat }} {{ 999|filesizeformat }} {{ 123456789|filesizeformat }} {{ 123456789|filesizeformat(true) }} {{ '1e24'|filesizeformat }}",
           "1 Byte 999 Bytes 123.5 MB 117.7 MiB 1000.0 ZB");
    expect("{{ 1250|round(-2) }} {{ 1350|round(-2) }} {{ -1250.0|round(-2) }} {{ 51|round(-2) }} {{ 5|round(-4, 'ceil') }}",
           "1200 1400 -1200.0 100 10000.0");
    expect("{{ [1, 2]|truncate(9) }}{{ x|truncate }}", "[1, 2]");
    expect_error("{{ [1, 2, 3, 4]|truncate(3, false, '', 0) }}", "truncate needs a string, not list");
    expect_error("{{ [] is filter }}", "a value of type list is no name of a filter");
    expect_error("{{ 'abc'|truncate(2) }}", "a length of 3 at least");
    expect_error("{{ 'abc'|wordwrap(0) }}", "a width from 1 on");
    expect_error("{{ 'x'|filesizeformat }}", "a number is needed");
    expect_error("{{ 1.5|round(0, 'up') }}", "round goes 'common', 'ceil' or 'floor'");
    expect_error("{{ [1]|random }}", "a chat is the same text each time");
}

static void html_and_addresses(void **state)
{
    (void)state;
    expect("{{ '<p>a  b</p> <!-- x --> c &amp; &eacute &#65;&#x42;&#128; &notit; &foo; 1<2'|striptags }}", "a b c & \u00e9 AB\u20ac \u00acit; &foo; 1<2");
    expect("{{ '<'|safe|forceescape }}{{ {'a': 1, 'b': none, 'c': '<'}|xmlattr }}|{{ {'a': 1}|xmlattr(false) }}", "&lt; a=\"1\" c=\"&lt;\"|a=\"1\"");
    expect("{{ 'a b/\u00e9~'|urlencode }}|{{ {'a': 'b c', 'd/': 1}|urlencode }}|{{ [('x', '/')]|urlencode }}", "a%20b/%C3%A9~|a=b+c&d%2F=1|x=%2F");
    expect("{{ '(http://x.org/a_(b)), www.y.com. a@b.de bc.com/x @c'|urlize(12) }}",
           "(<a href=\"http://x.org/a_(b)\" rel=\"noopener\">http://x.org...</a>), <a href=\"https://www.y.com\" rel=\"noopener\">www.y.com</a>. "
           "<a href=\"mailto:a@b.de\">a@b.de</a> <a href=\"https://bc.com/x\" rel=\"noopener\">bc.com/x</a> @c");
    expect("{{ 'http://1.2.3.4:80/ http://[::1]/ ftp://x mailto:a@b.c'|urlize(none, true, '_top', 'x', ['ftp://']) }}",
           "<a href=\"http://1.2.3.4:80/\" rel=\"nofollow noopener x\" target=\"_top\">http://1.2.3.4:80/</a> "
           "<a href=\"http://[::1]/\" rel=\"nofollow noopener x\" target=\"_top\">http://[::1]/</a> "
           "<a href=\"ftp://x\" rel=\"nofollow noopener x\" target=\"_top\">ftp://x</a> <a href=\"mailto:a@b.c\">a@b.c</a>");
    expect("{{ 'upper' is filter }}{{ 'nope' is filter }}{{ 'odd' is test }}{{ 'in' is test }}{{ 'x' is test }}", "TrueFalseTrueTrueFalse");
    expect_error("{{ {'a b': 1}|xmlattr }}", "a name of an attribute");
    expect_error("{{ [1]|urlencode }}", "cannot be looped over");
    expect_error("{{ 'x'|urlize(extra_schemes=['x']) }}", "a scheme is as");
}

/* json.dumps(sort_keys=True, separators=...) */
static void json_is_sorted_and_separated_as_asked(void **state)
{
    (void)state;
    expect("{{ {'b': {'d': 1, 'c': 2}, 'a': [{'z': 1, 'y': 2}]}|tojson(sort_keys=true) }}",
           "{\"a\": [{\"y\": 2, \"z\": 1}], \"b\": {\"c\": 2, \"d\": 1}}");
    expect("{{ {2: 1, true: 4, 1.5: 3}|tojson(none, none, none, true) }}", "{\"true\": 4, \"1.5\": 3, \"2\": 1}");
    expect("{{ {1e999: 1, -1e999: 2, none: 5}|tojson }}", "{\"Infinity\": 1, \"-Infinity\": 2, \"null\": 5}");
    expect("{{ dict.fromkeys(range(2000, 0, -1))|tojson(sort_keys=true)|length }}", "26893");
    expect("{% set x = [1, {'a': 2, 3: 4}]|tojson(separators=('-' * 70, '=' * 65)) %}{{ x|length }}{{ x.replace('-' * 70, ',').replace('=' * 65, ':') }}",
           "283[1,{\"a\":2,\"3\":4}]");
    expect_error("{{ {'a': 1, 1: 2, 2: 3}|tojson(sort_keys=true) }}", "tojson: keys of type str and int have no order");
    expect_error("{{ {(1, 2): 1}|tojson(sort_keys=true) }}", "no JSON for a value of type dict");
}

static void values_are_laid_out_over_lines(void **state)
{
    (void)state;
    expect("{{ {'b': 1, 'a': [1, {'d': 2, 'c': none}]}|pprint }}{{ 'x'|pprint }}", "{'a': [1, {'c': None, 'd': 2}], 'b': 1}'x'");
    expect("{{ {'key': ['a' * 30, 'b' * 30, 'c' * 30], 'n': ('d' * 80,)}|pprint }}",
           "{'key': ['aaaaaaaaaaaaaaaaaaaaaaaaaaaaaa',\n         'bbbbbbbbbbbbbbbbbbbbbbbbbbbbbb',\n         'cccccccccccccccccccccccccccccc'],\n"
           " 'n': ('dddddddddddddddddddddddddddddddddddddddddddddddddddddddddddddddddddddddddddddddd',)}");
    expect("{{ ('word ' * 20)|pprint }}", "('word word word word word word word word word word word word word word word '\n 'word word word word word ')");
    expect("{{ [1]|tojson(indent='--') }}{{ [1]|tojson(indent=-1) }}", "[\n--1\n][\n1\n]");
    expect_error("{{ {1: 2, 'a': 3}|pprint }}", "keys of type int and str have no order");
}

static void objects_keep_what_they_were_asked(void **state)
{
    (void)state;
    expect("{% set c = cycler('a', 'b') %}{{ c.next() }}{{ c.next() }}{{ c.next() }}{{ c.current }}{{ c.reset() }}{{ c.current }}", "ababNonea");
    expect("{% set j = joiner('|') %}{% for i in [3, 1, 2] %}{{ j() }}{{ i }}{% endfor %}{% set k = joiner() %}{{ k() }}{{ k() }}.", "3|1|2, .");
    expect("{% macro m(a, b=1) %}{{ varargs }}{% endmacro %}{{ m.name }}{{ m.arguments }}{{ m.catch_varargs }}{{ m.catch_kwargs }}{{ m.caller }}",
           "m('a', 'b')TrueFalseFalse");
    expect("{% macro m(caller=none) %}{{ caller() if caller else '-' }}{% endmacro %}{{ m() }}{% call m() %}x{% endcall %}", "-x");
    expect("{% macro m() %}{{ caller is defined }}{% endmacro %}{{ m() }}{% call m() %}{% endcall %}", "FalseTrue");
    expect("{{ 'x'.__class__ }}{{ {'__a': 1}.__a }}{{ messages.__len__ is defined }}", "1False");
    expect_error("{{ cycler() }}", "cycler needs values");
    expect_error("{{ joiner(1, 2) }}", "joiner takes 1 argument at most");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(json_is_sorted_and_separated_as_asked),
        cmocka_unit_test(loops_call_themselves),
        cmocka_unit_test(loops_ask_about_an_item_when_they_come_to_it),
        cmocka_unit_test(what_is_made_of_namespaces_is_not_kept_while_they_change),
        cmocka_unit_test(remainders_have_the_sign_of_what_divides),
        cmocka_unit_test(blocks_are_left_as_in_jinja),
        cmocka_unit_test(odd_values_are_taken_as_in_jinja),
        cmocka_unit_test(arguments_have_the_types_of_python),
        cmocka_unit_test(names_are_known_before_a_template_runs),
        cmocka_unit_test(percent_formats_as_python),
        cmocka_unit_test(braces_format_as_python),
        cmocka_unit_test(strings_have_the_methods_of_python),
        cmocka_unit_test(texts_are_cut_and_wrapped),
        cmocka_unit_test(html_and_addresses),
        cmocka_unit_test(values_are_laid_out_over_lines),
        cmocka_unit_test(objects_keep_what_they_were_asked),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
