"""Texts that would be markup, script, a formula or a control sequence if a page or a table let them."""

from itertools import product
from typing import Any

BEFORE = ("", '"', "'", "`", ">", "-->", "]]>", "</td>", "</script>", "</style>", "</title>", "\\", "\0", "\u202e")
MARKUP = r"""
<script>alert(1)</script>
<script src=//x.example/x.js>
<ScRiPt>alert`1`</sCrIpT>
<img src=x onerror=alert(1)>
<svg onload=alert(1)>
<svg><script>alert(1)</script></svg>
<body onload=alert(1)>
<iframe src=//x.example>
<iframe srcdoc='<script>alert(1)</script>'>
<object data=x>
<embed src=x>
<link rel=stylesheet href=//x.example>
<base href=//x.example>
<meta http-equiv=refresh content='0;url=//x.example'>
<form action=//x.example><input name=a>
<a href='javascript:alert(1)'>
<a href='data:text/html,<script>alert(1)</script>'>
javascript:alert(1)
<style>@import url(//x.example)</style>
<div style='background:url(//x.example)'>
<!--
<!DOCTYPE html>
<?xml
<![CDATA[<script>alert(1)</script>]]>
<math><mi xlink:href=javascript:alert(1)>
<template><script>1</script>
<details open ontoggle=alert(1)>
<video><source onerror=alert(1)>
<audio src=x onerror=alert(1)>
<input autofocus onfocus=alert(1)>
<select><option>
<textarea>
<plaintext>
<noscript><p title='</noscript>'>
 onmouseover=alert(1) x=
 autofocus onfocus=alert(1) x=
 style=x:expression(alert(1))
{{ 7 * 7 }}
{% raw %}
{{ config }}
${7*7}
#{7*7}
<%= 7*7 %>
&lt;script&gt;alert(1)&lt;/script&gt;
&#60;script&#62;
&
&amp;
%3Cscript%3E
＜script＞
';alert(1)//
";alert(1)//
</bdi><script>
</code></pre><script>
<b
<
>
<a<b<c
<script
</
<x:y z>
<table><tr><td>
</table></main>
<h1>
=cmd|'/c calc'!A0
@SUM(1)
+1+1
-1-1
"""
ESCAPES = ("<\u200bscript>", "<scr\0ipt>", "\x1b[31mred", "\x1b]0;title\x07", "\r\n\r\n<script>", "\u2028alert(1)//")
BODIES = (*MARKUP.strip("\n").split("\n"), *ESCAPES)
PAYLOADS = [before + body for before, body in product(BEFORE, BODIES)]
FREE_TEXT = frozenset(
    ("url", "excerpt", "detail", "source", "host", "language", "file", "input", "text", "advice", "set", "figure")
)
NAMED = frozenset(("by_source", "by_language", "versions", "bounds"))


def filled(tree: Any, fill: Any, key: str = "") -> Any:
    """The tree with `fill()` for all that a crawl or a user can write."""
    if isinstance(tree, dict):
        return {fill() if key in NAMED else name: filled(value, fill, name) for name, value in tree.items()}
    if isinstance(tree, list):
        return [filled(item, fill, key) for item in tree]
    return fill() if isinstance(tree, str) and key in FREE_TEXT else tree
