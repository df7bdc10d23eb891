#!/usr/bin/env python3
"""Renders chat templates with `llmctl tokenize chat` and with jinja2 set up as
transformers does (which must be installed; they are needed for nothing else):
conversations with systems, tools, calls, parts, odd characters, control tokens
in what users say, and broken ones.  Texts must be equal, and what jinja2
refuses must be refused.

usage: scripts/check-chat-templates.py LLMCTL TEMPLATE.jinja...
"""
import datetime
import json
import os
import subprocess
import sys
import tempfile

import jinja2
import transformers.utils.chat_template_utils as chat_utils

llmctl, files = sys.argv[1], sys.argv[2:]


def u(x):
    return {"role": "user", "content": x}


def a(x, **more):
    return dict({"role": "assistant", "content": x}, **more)


def s(x):
    return {"role": "system", "content": x}


def call(name, args, ident="abcdefghi"):
    return {"type": "function", "id": ident, "function": {"name": name, "arguments": args}}


def tool(x, name="get_weather", ident="abcdefghi"):
    return {"role": "tool", "content": x, "name": name, "tool_call_id": ident}


def part(*texts):
    return [{"type": "text", "text": x} for x in texts]


T1 = {"type":"function","function":{"name":"get_weather","description":"Get the weather \"now\" <b>in</b> a city","parameters":{"type":"object","properties":{"city":{"type":"string","description":"Name of the city, e.g. 東京"},"unit":{"type":"string","enum":["c","f"]},"days":{"type":["integer","null"],"default":3},"opts":{"type":"object","properties":{"deep":{"type":"array","items":{"type":"number"}}},"required":["deep"]}},"required":["city"]},"return":{"type":"string","description":"the weather"}}}
T2 = {"type":"function","function":{"name":"add","description":"Adds.\nTwo lines","parameters":{"type":"object","properties":{"a":{"type":"number"},"b":{"type":"number"},"flag":{"type":"boolean"},"xs":{"type":"array","items":{"type":"string"}},"u":{"anyOf":[{"type":"string"},{"type":"integer"}]}}}}}
T3 = {"type":"function","function":{"name":"noargs","description":"","parameters":{"type":"object","properties":{}}}}
W = a("",tool_calls=[call("get_weather",{"city":"Paris","days":2,"x":1.5,"big":1e20,"t":True,"n":None,"l":[1,"a",{"k":[]}],"e":{}})])
WN = a(None,tool_calls=[call("get_weather",{"city":"Zürich \"q\" \n"})])
WS = a("Let me see.",tool_calls=[call("add",'{"a": 1, "b": 2.50}',"123456789"),call("noargs",{},"zzzzzzzzz")])
convs = [
 [u("Hi")],[s("You are helpful."),u("Hi")],[s("S"),u("Hi"),a("Yo")],[u("a"),a("b"),u("c")],[s("  sp  "),u("  x  \n"),a("  y  "),u("\n z"),a("w\n")],
 [u("")],[s(""),u("q")],[],[s("only system")],[a("assistant first"),u("q")],[u("a"),u("b")],[u("x"),a("y"),a("z")],[s("a"),s("b"),u("c")],
 [u("日本語 émoji 😀 ﷽ \u200d \u2028 \x07 \t"),a("Привет <b>&amp;</b> 'q' \"d\" \\n {{ x }} {% y %}")],
 [u("<|im_end|><|eot_id|></s>[INST]<end_of_turn><|end|>"),a("<|im_start|>system\nx"),u("<think>no</think>")],
 [u("q"),a("<think>\nreason\n</think>\n\nanswer"),u("more"),a("<think>r2</think>a2")],
 [u("q"),a("answer",reasoning_content="because\n"),u("more"),a("x",reasoning_content="")],
 [u("q"),a("answer",thinking="hmm"),u("more")],[u("q"),a("answer",reasoning="so")],[u("q"),a("answer",reasoning_content=None,thinking="then"),u("w")],
 {"messages":[u("w?")],"tools":[T1]},{"messages":[s("sys"),u("w?")],"tools":[T1,T2,T3]},
 {"messages":[u("w?"),W,tool('{"temp": 3}'),a("It is 3.")],"tools":[T1,T2]},
 {"messages":[s("sys"),u("w?"),W,tool("3 °C")],"tools":[T1]},
 {"messages":[u("w?"),WN,tool("ok"),a("done"),u("again"),W,tool("4")],"tools":[T1]},
 {"messages":[u("w?"),WS,tool("1","add","123456789"),tool("2","noargs","zzzzzzzzz"),a("both"),u("thanks")],"tools":[T1,T2,T3]},
 {"messages":[u("w?"),W,tool({"temp":1})],"tools":[T1]},
 {"messages":[u("w?"),W,{"role":"tool","content":part("p1","p2"),"tool_call_id":"abcdefghi","name":"get_weather"}],"tools":[T1]},
 {"messages":[u("w?"),W,tool("x")]},
 {"messages":[u("w?")],"tools":[]},
 [u(part("one","two")),a(part("three"))],[s(part("sysp")),u(part("x")),a("y"),u([{"type":"image"},{"type":"text","text":"see"}])],
 [u([{"type":"image","image":"a.png"},{"type":"text","text":"t"},{"type":"image_url","image_url":{"url":"x"}},{"type":"audio"},{"type":"video"}])],
 [{"role":"developer","content":"dev"},u("q")],[{"role":"tool","content":"lonely"}],[{"role":"ipython","content":"x"},u("y")],
 {"messages":[u("q")],"documents":[{"title":"T","text":"body"},{"title":"U","text":"two","extra":1}]},
 {"messages":[s("S"),u("q")],"documents":[{"title":"T","text":"body"}],"tools":[T1]},
 {"messages":[u("q")],"enable_thinking":False},{"messages":[u("q"),a("y"),u("z")],"enable_thinking":True},
 {"messages":[u("q")],"thinking":True},{"messages":[u("q")],"reasoning_effort":"high"},{"messages":[u("q")],"date_string":"26 Jul 2024","tools":[T2],"tools_in_user_message":False},
 {"messages":[u("q")],"builtin_tools":["browser","python"],"tools":[T1]},{"messages":[u("q")],"builtin_tools":["brave_search","wolfram_alpha","code_interpreter"]},
 {"messages":[u("q")],"model_identity":"I am X","xml_tools":[T1],"custom_tools":[T2]},
 [{"role":"user"}],[{"role":"user","content":None}],[{"content":"x"}],[u(5)],[u("q"),a("",tool_calls=[])],
 [u("q"),a("x",tool_calls=[call("f",{"a":"<tag>'&"})]),u("r")],
 [u("q"),a(None,tool_calls=[{"function":{"name":"f","arguments":"{\"a\":1}"}}])],
 [u("q"),a("x",tool_calls=[{"name":"f","arguments":{"a":1}}])],
 [u("q"),{"role":"assistant","tool_calls":[call("f",{"code":"print(1)\nx"})]},tool("r","f")],
 [u("x")]*1+[a("l"*50)]*1+[u("y")]+[a("m")]+[u("z")]+[a("n")]+[u("end")],
 [s("S")]+[m for k in range(20) for m in (u(f"q{k}"),a(f"<think>t{k}</think>r{k}"))]+[u("last")],
 [u("q"),s("in the middle"),a("r"),s("again"),u("z")],[u([]),a("x")],[u(part("")),a(part("")),u("z")],[u("q"),a(None),u("z")],
 [u("q"),a("y",tool_calls=None),u("z")],[u("q"),a([{"type":"text","text":"a"},{"type":"thinking","thinking":"t"}]),u("z")],
 [u([{"type":"video","video":"v.mp4"},{"type":"text","text":"t"},{"type":"audio","audio":"a.wav"}]),a("ok")],
 [u([{"type":"input_text","text":"t"},{"text":"no type"}])],[s([{"type":"text","text":"s1"},{"type":"image"}]),u("q")],
 [{"role":"user","name":"Bob","content":"named"},{"role":"assistant","name":"Al","content":"r"}],
 [{"role":"model","content":"m"}],[u("q"),{"role":"function","name":"f","content":"r"}],[u("q"),{"role":"observation","content":"r"}],
 {"messages":[u("w?"),a("",tool_calls=[call("add","{\"a\": 1"),call("add","")]),tool("3","add"),tool("4","add"),a("7")],"tools":[T2]},
 {"messages":[u("w?"),a(None,reasoning_content="let me think",tool_calls=[call("add",{"a":1})]),tool("3","add"),a("so",reasoning_content="more"),u("and?")],"tools":[T2]},
 {"messages":[u("w?"),a("",tool_calls=[{"id":1,"type":"function","function":{"name":"f","arguments":None}}]),tool(None,"f")],"tools":[T3]},
 {"messages":[u("w?"),W,tool([{"type":"text","text":"p"},{"type":"image"}]),tool("second")],"tools":[T1,T3]},
 {"messages":[s("sys"),u("w?")],"tools":[T1["function"],{"name":"bare","parameters":{"type":"object"}}]},
 {"messages":[u("w?")],"tools":[{"type":"function","function":{"name":"odd","description":None,"parameters":{"type":"object","properties":{"x":{"type":"object","properties":{"y":{"type":"array","items":{"type":"object","properties":{"z":{"type":"string","enum":["a","b"]}}}}},"additionalProperties":False},"r":{"$ref":"#/x"},"n":{"type":"number","minimum":-1.5,"maximum":1e3,"nullable":True},"d":{"type":"string","default":"q\"\n"}},"required":[]}}}]},
 {"messages":[u("\ud7ff\ue000\u0000"[:2]+"\u2029\u0085\u001f\u00a0 e\u0301 \u1e9e \ufb01 \U0001f468\u200d\U0001f469")]},
 {"messages":[u("q")],"documents":[{"doc_id":1,"title":"","text":"","source":"x"}],"citation_mode":"accurate"},
 {"messages":[u("q")],"add_vision_id":True,"keep_past_thinking":True,"thinking_budget":100,"preserve_thinking":True},
 {"messages":[u("q"),a("<think>x</think>y"),u("z")],"clear_thinking":False,"enable_thinking":False,"tools":[T3]},
 {"messages":[u("q")],"reasoning_effort":"low","thinking_mode":"on","knowledge_cutoff":"2024-06","builtin_tools":[]},
]

now = datetime.datetime(2025, 3, 9, 14, 5, 6)
seconds = int((now - datetime.datetime(1970, 1, 1)).total_seconds())
convs = [x if isinstance(x, dict) else {"messages": x} for x in convs]


def ours(template, chats, prompt, work):
    path = os.path.join(work, "chats.jsonl")
    with open(path, "w", encoding="utf-8") as f:
        f.writelines(json.dumps(x, ensure_ascii=False) + "\n" for x in chats)
    args = [llmctl, "tokenize", "chat", path, "--template", template, "--bos", "<s>", "--eos", "</s>", "--now",
            str(seconds), "-q"] + (["--generation-prompt"] if prompt else [])
    r = subprocess.run(args, capture_output=True, text=True)
    return r, [json.loads(line)["text"] for line in r.stdout.split("\n")[:-1]]


def expected(t, chat, prompt):
    rest = json.loads(json.dumps(chat))
    rest["messages"] = getattr(chat_utils, "_alias_reasoning_fields", list)(rest["messages"])
    messages, tools, documents = rest.pop("messages"), rest.pop("tools", None), rest.pop("documents", None)
    try:
        return t.render(messages=messages, tools=tools, documents=documents, add_generation_prompt=prompt,
                        bos_token="<s>", eos_token="</s>", **rest)
    except Exception:  # whatever the template or Python has against it
        return None


def check(path, work):
    try:
        t = chat_utils._compile_jinja_template(open(path, encoding="utf-8", newline="").read())
    except jinja2.exceptions.TemplateSyntaxError as e:
        if ours(path, convs[:1], False, work)[0].returncode == 65:
            return 0
        print("not refused:", path, e)
        return 1
    t.globals["strftime_now"] = now.strftime
    bad = 0
    for prompt in (False, True):
        want = [expected(t, x, prompt) for x in convs]
        good = [(x, w) for x, w in zip(convs, want) if w is not None]
        r, got = ours(path, [x for x, _ in good], prompt, work)
        if r.returncode:
            print("   ", r.stderr.strip())
            bad += 1
        for (x, w), g in zip(good, got):
            if g != w:
                print("   ", json.dumps(x, ensure_ascii=False)[:200], "\n      got ", repr(g), "\n      want", repr(w))
                bad += 1
        for x, w in zip(convs, want):
            if w is None and ours(path, [x], prompt, work)[0].returncode != 65:
                print("    not refused:", json.dumps(x, ensure_ascii=False)[:200])
                bad += 1
    if bad:
        print("differs:", path)
    return bad


def main():
    with tempfile.TemporaryDirectory() as work:
        bad = sum(check(f, work) for f in files)
    print(f"{len(files)} templates, {2 * len(convs)} renderings each, {bad} differ")
    return 1 if bad else 0


sys.exit(main())
