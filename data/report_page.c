#include "data/report_page.h"

#include <string.h>

#include "core/train/svg.h"

static const char style[] =
    SVG_COLOURS
    "body{font:15px/1.5 system-ui,sans-serif;color:var(--fg);background:var(--bg);max-width:1200px;margin:2rem "
    "auto;padding:0 1rem}\n"
    "h1{font-size:1.5rem}h2{font-size:1.1rem;margin-top:2rem}p.s,th,.d{color:var(--dim)}\n"
    "table{border-collapse:collapse;font-variant-numeric:tabular-nums}th,td{text-align:right;padding:.15rem "
    ".7rem;font-weight:400}\n"
    "th:first-child,td:first-child{text-align:left}td{border-top:1px solid var(--line)}\n"
    ".bar{display:inline-block;height:.7em;background:var(--b);vertical-align:middle}.bar.o{background:var(--a)}\n"
    ".c{display:grid;grid-template-columns:repeat(auto-fit,minmax(340px,1fr));gap:1rem}figure{margin:0;border:1px "
    "solid var(--line);border-radius:6px;padding:.5rem}\n"
    SVG_STYLE
    "circle.a{fill:var(--a)}circle.b{fill:var(--b)}svg .la{fill:var(--a)}svg .lb{fill:var(--b)}\n"
    "blockquote{margin:.4rem 0;padding:.4rem .8rem;border-left:3px solid "
    "var(--line);white-space:pre-wrap;overflow-wrap:anywhere;font-size:13px}\n";

void report_page_begin(struct buf *b, const char *title)
{
    buf_adds(b, "<!doctype html>\n<html lang=\"en\"><head><meta charset=\"utf-8\">\n"
                "<meta name=\"viewport\" content=\"width=device-width,initial-scale=1\">\n<title>");
    report_page_text(b, title);
    buf_adds(b, "</title>\n<style>\n");
    buf_adds(b, style);
    buf_adds(b, "</style></head><body>\n<h1>");
    report_page_text(b, title);
    buf_adds(b, "</h1>\n");
}

void report_page_end(struct buf *b)
{
    buf_adds(b, "</body></html>\n");
}

void report_page_text(struct buf *b, const char *s)
{
    buf_add_html(b, s, strlen(s));
}

double report_percent(uint64_t a, uint64_t of)
{
    return of ? 100 * (double)a / (double)of : 0;
}
