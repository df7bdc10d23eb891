#!/usr/bin/env python3
"""Renders random templates with `llmctl tokenize chat` and with jinja2 set up as
transformers does (which must be installed; they are needed for nothing else):
statements in each other, filters and methods on odd texts, formats.  What both
accept must be equal, and what jinja2 refuses must be refused.  What llmctl
refuses by name is counted, and shown with -v.

usage: scripts/check-chat-random.py LLMCTL [N [SEED]] [-v]
"""
import concurrent.futures
import datetime
import json
import os
import random
import subprocess
import sys
import tempfile
import warnings

import transformers.utils.chat_template_utils as chat_utils

words = [x for x in sys.argv[1:] if x != "-v"]
llmctl, n, rnd = words[0], int((words + ["", "2000"])[1] or 2000) if len(words) > 1 else 2000, random.Random((words + ["1"] * 3)[2])
now = datetime.datetime(2025, 3, 9, 14, 5, 6)
warnings.simplefilter("ignore")  # Python's, about what random templates do
pick = rnd.choice

NAMES = "messages s u n neg f l d ld t e html tree x y z ns loop m zz v bos_token tools".split()
ATOMS = ["0", "1", "2", "-1", "2.5", "1e20", '"a"', '"Hi x"', '""', '"a,b"', '"<b>"', "true", "none", "[]", "{}", "range(3)",
         "namespace(a=1)", "dict(a=2)", "messages[1]", "messages[-1].content", "m.role", "d.a", 'ld[0]["k"]', "(1, 'x')"]
FILTERS = ("upper lower title capitalize trim string list length first last sort unique reverse items dictsort min max sum e safe "
           "abs int float round tojson wordcount pprint urlencode striptags filesizeformat xmlattr forceescape urlize center "
           'join(",") map("upper") map(attribute="k") selectattr("k") selectattr("role","eq","user") rejectattr("k","eq","x") '
           'select("string") reject("none") default("d",true) tojson(indent=1) batch(2) slice(2) groupby("k") replace("a","<") indent '
           'attr("a") format(1) truncate(5) truncate(9,true,"<") wordwrap(7) wordwrap(5,false) round(1) round(-1) sort(attribute="k")').split()
METHODS = ('upper() lower() strip() split() split(",") title() swapcase() casefold() replace("a","b",1) startswith("a",1) endswith(("a","x")) '
           'find("a",1) rfind("a",0,4) count("a") join(["x","y"]) items() keys() values() get("a") get("zz",1) index(1) splitlines() '
           'expandtabs(3) isdigit() istitle() isidentifier() isprintable() partition(",") zfill(4) format(1,2) removeprefix("a") copy()').split()
TESTS = "defined undefined none string number mapping iterable sequence odd even eq(1) in([1]) callable lower upper filter test escaped".split()
BITS = ["foo", "bar baz", "well-known", "--", "http://x.org/a", "www.", "a@b.de", "(", ")", "<", ">", "&", "&amp;", "&#65;", "&eacute", "<b>",
        "<!-- c -->", ".", ",", " ", "  ", "\n", "\t", "\r\n", "\u00a0", "\u2028", "é", "ß", "日本語", "😀", "_", "%20", "x" * 20, "1234", "<|im_end|>", "{{ x }}"]
DATA = ["", " ", "\n", "a", "\n  ", "  x\n", "b \t", ".", "é"]


def text():
    return "".join(pick(BITS) for _ in range(rnd.randint(0, 12)))


def value(depth=0):
    k = rnd.random()
    if depth > 2 or k < 0.5:
        return pick([text(), 1, -5, 2.5, None, True, 12345678901, 2**70])
    if k < 0.75:
        return [value(depth + 1) for _ in range(rnd.randint(0, 4))]
    return {pick("abk") + text()[:9]: value(depth + 1) for _ in range(rnd.randint(0, 4))}


def form():
    spec = pick(["", "", "*>", "é<", "^", "0="]) + pick(["", "", "+", " "]) + pick(["", "", "#"]) + pick(["", "0"]) + pick(["", "5", "12"])
    spec += pick(["", "", ",", "_"]) + pick(["", "", ".2", ".0"]) + pick(["", "", *"dboxXneEfFgG%cs"])
    old = "%" + pick(["", "", "-", "+", " ", "#", "0", "-0"]) + pick(["", "5", "12"]) + pick(["", ".2", ".0"]) + pick("diuxXoeEfFgGcrsa")
    arg = pick(["v", "n", "f", "neg", "255", "1.5", "-0.0", "0.1", "1e16", "123456.789", '"é"', "true", "none"])
    return pick([f'"{{{pick(["", "", "!r", "!s"])}:{spec}}}".format({arg})', f'"{old}" % {arg}'])


def expr(depth=0):
    k = rnd.random()
    if depth > 4 or k < 0.35:
        return pick(NAMES) if rnd.random() < 0.5 else pick(ATOMS)
    if k < 0.52:
        return f"{expr(depth + 1)}|{pick(FILTERS)}"
    if k < 0.6:
        return f"{pick(NAMES)}.{pick(METHODS)}"
    if k < 0.66:
        return f"({expr(depth + 1)} is {pick(['', 'not '])}{pick(TESTS)})"
    if k < 0.78:
        return f"({expr(depth + 1)} {pick('+ - * / // % ~ == != < >= and or in'.split() + ['not in'])} {expr(depth + 1)})"
    if k < 0.82:
        return f"({expr(depth + 1)} if {expr(depth + 1)}{pick(['', ' else ' + expr(depth + 1)])})"
    if k < 0.87:
        return pick(NAMES) + pick(["[0]", "[-1]", "[1:]", "[::-1]", '["a"]', ".a", ".k", ".index", ".nextitem", ".role", ".depth", ".text"])
    if k < 0.93:
        return form()
    return pick(["mm(%s)", "loop(%s)", "loop.cycle(1,%s)", "loop.changed(%s)", "caller(%s)", "not %s", "[%s]"]) % expr(depth + 1)


def tag(what):
    return "{%" + pick(["", "", "-", "+"]) + " " + what + " " + pick(["", "", "-", "+"]) + "%}"


def body(depth):
    return "".join(pick(DATA) + statement(depth) + pick(DATA) for _ in range(rnd.randint(0, 3)))


def statement(depth=0):
    k = rnd.random()
    inner = "" if depth > 3 or k < 0.35 else body(depth + 1)
    if depth > 3 or k < 0.35:
        return "{{" + pick(["", "-"]) + " " + expr() + " " + pick(["", "-"]) + "}}"
    if k < 0.5:
        return tag("if " + expr()) + inner + pick(["", tag("else") + body(depth + 1), tag("elif " + expr()) + "e"]) + tag("endif")
    if k < 0.7:
        over = pick(["l", "messages", "ld", "d.items()", "d", "tree", "range(3)", "s", "[(1,2),(3,4)]", 'l|map("string")', expr(2)])
        head = f"for {pick(['x', 'm', 'x, y', 'x, (y, z)'])} in {over}{pick(['', '', ' if ' + expr(3)])}{pick(['', '', ' recursive'])}"
        return tag(head) + inner + pick(["", "", tag("else") + "E"]) + tag("endfor")
    if k < 0.8:
        return tag(f"set {pick(['x', 'y', 'ns.a', 'x, y', 'ns'])} = {pick([expr(), 'namespace(a=0)', '(1, 2)'])}")
    what, end = pick([("set x | trim", "set"), ("set y", "set"), ("macro mm(a=1, b=a)", "macro"), ("call(x=1) mm(2)", "call"), ("filter upper|trim", "filter"),
                      ("with x=1, y=x", "with"), ("generation", "generation"), ("raw", "raw")])
    return pick([tag(what) + inner + tag("end" + end)] * 4 + [tag("break"), tag("continue"), "{#- c #}", tag("print n, 1")])


def chat():
    messages = [{"role": "system", "content": " S "}, {"role": "user", "content": text()},
                {"role": "assistant", "content": [{"type": "text", "text": "t"}], "tool_calls": [{"function": {"name": "f", "arguments": value()}}]}]
    tree = [{"n": "a", "k": [{"n": "b", "k": []}, {"n": "c", "k": [{"n": "d"}]}]}, {"n": "e"}]
    return {"messages": messages, "s": "Hello, wOrld  foo\tbar", "u": "Ünï ©ode ß ǆ", "n": 7, "neg": -3, "f": 2.5, "l": [3, 1, 2], "t": True, "e": "",
            "d": {"b": 1, "a": [1, 2], "C": None}, "ld": [{"k": "x", "v": 2}, {"k": "Y", "v": 1}, {"k": "x"}], "tree": tree, "html": "<a>&", "v": value()}


def expected(template, given):
    try:
        t = chat_utils._cached_compile_jinja_template(template)
        t.globals["strftime_now"] = now.strftime
        rest = json.loads(json.dumps(given))
        return t.render(tools=None, documents=None, add_generation_prompt=False, bos_token="<s>", **rest)
    except Exception:  # whatever jinja2 or Python has against it
        return None


def ours(case):
    with tempfile.TemporaryDirectory() as work:
        path = os.path.join(work, "t.jinja")
        with open(path, "w", encoding="utf-8", newline="") as f:
            f.write(case[0])
        r = subprocess.run([llmctl, "tokenize", "chat", "--template", path, "--bos", "<s>", "-q"], input=json.dumps(case[1]).encode(), capture_output=True)
    return (r.returncode, json.loads(r.stdout)["text"] if r.returncode == 0 else r.stderr.decode("utf-8", "replace").strip().split(".jinja:")[-1])


def main():
    cases = [(pick(["", "{% macro mm(a=1, b=2) %}<{{ a }}{{ b }}>{% endmacro %}"]) + body(0), chat()) for _ in range(n)]
    bad = refused = same = 0
    with concurrent.futures.ThreadPoolExecutor(os.cpu_count()) as pool:
        for (template, given), (status, got) in zip(cases, pool.map(ours, cases)):
            want = expected(template, given)
            if want is not None and status == 65:
                refused += 1
                if "-v" in sys.argv:
                    print("refused:", repr(template)[:300], "\n    ", got)
            elif status not in (0, 65) or (status == 0) != (want is not None) or (status == 0 and got != want):
                bad += 1
                print("differs:", repr(template), "\n  got ", repr(got)[:500], "\n  want", repr(want)[:500])
            else:
                same += 1
    print(f"{n} templates: {same} alike, {refused} refused by llmctl only, {bad} differ")
    return 1 if bad else 0


sys.exit(main())
