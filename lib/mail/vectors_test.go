package mail

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"golang.org/x/net/html"
)

// vectors are ways to make a page run or load something, by the names that they go by in public collections: E-29, S-15, S-16.
var vectors = []string{
	`<script>alert(1)</script>`, `<SCRIPT SRC=//x.test/x.js></SCRIPT>`, `<scr<script>ipt>alert(1)</scr</script>ipt>`, `<script/x>alert(1)</script >`, `<<SCRIPT>alert(1);//<</SCRIPT>`, `<script\x20type="text/javascript">alert(1)</script>`,
	`<img src=x onerror=alert(1)>`, `<img src="x" onerror="alert(1)"`, `<IMG """><SCRIPT>alert(1)</SCRIPT>">`, `<img src=javascript:alert(1)>`, `<img src="jav&#x09;ascript:alert(1)">`, `<img src=" &#14; javascript:alert(1)">`, `<img dynsrc="https://x.test/a">`, `<img lowsrc="https://x.test/a">`, `<img srcset="https://x.test/a 2x">`, `<img src="data:image/svg+xml;base64,PHN2Zz4=">`, `<img src="https://x.test/p.gif">`, `<img src=//x.test/p>`, `<img src="cid:a" onload=alert(1)>`, `<img usemap="#m"><map name=m><area href="javascript:alert(1)"></map>`, `<image src=x onerror=alert(1)>`, `<img/src=x/onerror=alert(1)>`,
	`<svg onload=alert(1)>`, `<svg><script>alert(1)</script></svg>`, `<svg><feImage href="https://x.test/a"/></svg>`, `<svg><image xlink:href="https://x.test/a"/></svg>`, `<svg><use href="https://x.test/a#b"/></svg>`, `<svg><animate onbegin=alert(1) attributeName=x dur=1s>`, `<svg><set attributeName="href" to="javascript:alert(1)"/></svg>`, `<svg><foreignObject><iframe src="javascript:alert(1)"></iframe></foreignObject></svg>`, `<svg><style>@import url(https://x.test/a.css)</style></svg>`, `<math><mi xlink:href="javascript:alert(1)">x</mi></math>`, `<math><maction actiontype="statusline#http://x.test" xlink:href="javascript:alert(1)">x`,
	`<a href="javascript:alert(1)">x</a>`, `<a href="JaVaScRiPt:alert(1)">x</a>`, `<a href="java&#10;script:alert(1)">x</a>`, `<a href="&#106;avascript:alert(1)">x</a>`, `<a href="vbscript:x">x</a>`, `<a href="data:text/html,<script>alert(1)</script>">x</a>`, `<a href="https://x.test" ping="https://y.test">x</a>`, `<a href="file:///etc/passwd">x</a>`, `<a href="https://x.test" onclick="alert(1)">x</a>`, `<a href="\x01javascript:alert(1)">x</a>`, `<a href=" javascript:alert(1)">x</a>`,
	`<iframe src="https://x.test"></iframe>`, `<iframe srcdoc="<script>alert(1)</script>"></iframe>`, `<frameset onload=alert(1)><frame src="https://x.test"></frameset>`, `<object data="https://x.test/a.swf"></object>`, `<object type="text/html" data="javascript:alert(1)"></object>`, `<embed src="https://x.test/a">`, `<applet code=x archive="https://x.test/a.jar"></applet>`, `<portal src="https://x.test"></portal>`, `<fencedframe src="https://x.test">`,
	`<base href="https://x.test/">`, `<meta http-equiv="refresh" content="0;url=https://x.test">`, `<meta http-equiv="Set-Cookie" content="a=b">`, `<meta name="referrer" content="unsafe-url">`, `<link rel="stylesheet" href="https://x.test/a.css">`, `<link rel=prefetch href="https://x.test/a">`, `<link rel="dns-prefetch" href="//x.test">`, `<link rel=import href="https://x.test/a">`, `<link rel=preload as=image href="https://x.test/a">`, `<link rel=icon href="https://x.test/a.ico">`,
	`<style>@import "https://x.test/a.css";</style>`, `<style>body{background:url(https://x.test/a)}</style>`, `<style>@font-face{font-family:x;src:url(https://x.test/a)}</style>`, `<div style="background:url(https://x.test/a)">x</div>`, `<div style="background-image:url('//x.test/a')">x</div>`, `<div style="width:expression(alert(1))">x</div>`, `<div style="-moz-binding:url(https://x.test/a#b)">x</div>`, `<div style="behavior:url(https://x.test/a.htc)">x</div>`, `<div style="list-style-image:url(https://x.test/a)">x</div>`, `<div style="position:fixed;top:0;left:0;width:100%;height:100%">x</div>`, `<div style="content:url(https://x.test/a)">x</div>`, `<div style="b&#97;ckground:u\72l(https://x.test/a)">x</div>`, `<div style="color:red;background:/**/url(https://x.test)">x</div>`, `<div style="cursor:url(https://x.test/a),auto">x</div>`, `<div style="border-image:url(https://x.test/a)">x</div>`, `<div style="filter:url(https://x.test/a#b)">x</div>`, `<div style="background:image-set('https://x.test/a' 1x)">x</div>`, `<p style="color: var(--x, url(https://x.test))">x`,
	`<form action="https://x.test"><input name=p type=password><button>OK</button></form>`, `<input type=image src="https://x.test/a">`, `<button formaction="javascript:alert(1)">x</button>`, `<input autofocus onfocus=alert(1)>`, `<select onchange=alert(1)><option>x</select>`, `<textarea autofocus onfocus=alert(1)></textarea>`, `<isindex action="javascript:alert(1)" type=image>`, `<keygen autofocus onfocus=alert(1)>`, `<details open ontoggle=alert(1)>`, `<dialog open onclose=alert(1)>`, `<marquee onstart=alert(1)>x</marquee>`,
	`<video src="https://x.test/a"></video>`, `<video poster="https://x.test/a"></video>`, `<audio src="https://x.test/a" autoplay>`, `<video><source onerror="alert(1)"></video>`, `<track src="https://x.test/a">`, `<picture><source srcset="https://x.test/a"><img></picture>`, `<bgsound src="https://x.test/a">`, `<body background="https://x.test/a">`, `<body onload=alert(1)>`, `<table background="https://x.test/a"><td background="https://x.test/b">x</table>`, `<table><td style="background:url(https://x.test)">x</table>`, `<layer src="https://x.test/a"></layer>`, `<ilayer src=x>`, `<xml src="https://x.test/a">`, `<html manifest="https://x.test/a">`,
	`<noscript><p title="</noscript><img src=x onerror=alert(1)>">`, `<p title="--><img src=x onerror=alert(1)>">`, `<!--><img src=x onerror=alert(1)>-->`, `<![CDATA[<img src=x onerror=alert(1)>]]>`, `<!DOCTYPE x [<!ENTITY e SYSTEM "https://x.test/a">]>&e;`, `<?xml-stylesheet href="javascript:alert(1)"?>`, `<template><script>alert(1)</script></template>`, `<textarea><img src=x onerror=alert(1)></textarea><script>alert(1)</script>`, `<title><img src=x onerror=alert(1)></title>`, `<plaintext><script>alert(1)</script>`, `<xmp><script>alert(1)</script></xmp>`, `<listing><img src=x onerror=alert(1)></listing>`, `<noembed><img src=x onerror=alert(1)></noembed>`,
	`<math><mtext><table><mglyph><style><!--</style><img title="--&gt;&lt;img src=1 onerror=alert(1)&gt;">`, `<form><math><mtext></form><form><mglyph><style></math><img src onerror=alert(1)>`, `<svg></p><style><a id="</style><img src=1 onerror=alert(1)>">`, `<math><annotation-xml encoding="text/html"><style><img src=x onerror=alert(1)></style></annotation-xml></math>`, `<b a="</title><script>alert(1)</script>">`, `<div id="x" data-x="<script>">`, `<div onmouseover='alert(1)' style=x>`, `<p onclick\n=alert(1)>x`, "<p on\x00click=alert(1)>x", "<img src=\"x`\"onerror=alert(1)>", `<a href="https://x.test" target=_self rel=opener>x</a>`, `<img src="cid:../../../etc">`, `<img src='cid:a"onerror=alert(1)'>`, `<font color="red;background:url(https://x.test)">x</font>`, `<td bgcolor="url(https://x.test)">x</td>`, `<font face="x" size="7&quot; onclick=alert(1)">x`, `<a name=x href=#x xlink:href="javascript:alert(1)">x</a>`, `<div contenteditable onbeforeinput=alert(1)>`, `<slot onslotchange=alert(1)>`, `<x-y onclick=alert(1)>`, `<a href="https://x.test/&quot;onmouseover=&quot;alert(1)">x</a>`,
}

// inert fails where HTML can run, load, submit or cover anything. It looks at the
// tokens as a browser would build them, and knows what is allowed, not what is bad.
func inert(t *testing.T, source, cleaned string) {
	t.Helper()
	z := html.NewTokenizer(strings.NewReader(cleaned))
	for {
		switch z.Next() {
		case html.ErrorToken:
			return
		case html.CommentToken, html.DoctypeToken:
			t.Errorf("%q became %q: a comment", source, cleaned)
		case html.StartTagToken, html.SelfClosingTagToken, html.EndTagToken:
			token := z.Token()
			switch token.Data {
			case "script", "style", "iframe", "object", "embed", "svg", "math", "base", "meta", "link", "form", "input", "button", "textarea", "select", "video", "audio", "source", "template", "noscript", "xmp", "plaintext", "title", "frame", "frameset", "applet", "body", "html", "head", "track", "picture", "area", "map", "portal", "details", "dialog":
				t.Errorf("%q became %q: <%s>", source, cleaned, token.Data)
			}
			for _, a := range token.Attr {
				checkAttribute(t, source, token.Data, a)
			}
		}
	}
}

func checkAttribute(t *testing.T, source, element string, a html.Attribute) {
	t.Helper()
	value := strings.ToLower(a.Val)
	switch a.Key {
	case "href":
		if element != "a" || !(strings.HasPrefix(value, "http:") || strings.HasPrefix(value, "https:") || strings.HasPrefix(value, "mailto:") || strings.HasPrefix(value, "tel:") || strings.HasPrefix(value, "cid:")) {
			t.Errorf("%q: href=%q of %s", source, a.Val, element)
		}
	case "src":
		if element != "img" || !strings.HasPrefix(value, "cid:") && !strings.HasPrefix(value, "data:image/") || strings.Contains(value, "svg") {
			t.Errorf("%q: src=%q of %s", source, a.Val, element)
		}
	case "style":
		for _, bad := range []string{"url", "expression", "import", "position", "binding", "behavior", "\\", "var(", "image", "content"} {
			if strings.Contains(value, bad) {
				t.Errorf("%q: style=%q", source, a.Val)
			}
		}
	case "rel", "target", "alt", "dir", "align", "color", "bgcolor", "width", "height", "colspan", "rowspan", "valign", "scope", "headers", "abbr", "type", "value", "start", "summary", "nowrap", "char", "charoff":
		if strings.Contains(value, "url(") || strings.Contains(value, "javascript:") {
			t.Errorf("%q: %s=%q", source, a.Key, a.Val)
		}
	default:
		t.Errorf("%q: attribute %s of %s", source, a.Key, element)
	}
}

// mutation joins pieces of vectors, some with a character put in.
func mutation(r *rand.Rand) string {
	var b strings.Builder
	for range 1 + r.IntN(4) {
		v := vectors[r.IntN(len(vectors))]
		switch i := r.IntN(len(v)); r.IntN(4) {
		case 0:
			b.WriteString(v)
		case 1:
			b.WriteString(v[:i])
		case 2:
			b.WriteString(v[i:])
		default:
			fmt.Fprintf(&b, "%s%c%s", v[:i], rune(r.IntN(128)), v[i:])
		}
	}
	return b.String()
}

// M2: every vector, and combinations of pieces of them, comes out inert; cleaning twice changes nothing more.
func TestVectorsAreInert(t *testing.T) {
	for _, v := range vectors {
		cleaned := CleanHTML(v)
		inert(t, v, cleaned)
		require.Equal(t, cleaned, CleanHTML(cleaned), v)
	}
	r := rand.New(rand.NewPCG(2, 2026))
	for n := range 20000 {
		v := mutation(r)
		inert(t, v, CleanHTML(v))
		if t.Failed() {
			t.Fatalf("mutation %d", n)
		}
	}
}

// S-15: what a stranger can put into names and subjects is text, whatever it looks like.
func TestNamesStayText(t *testing.T) {
	m := Parse(mailOf("From: \"<script>alert(1)</script>\" <a@b.test>", "Subject: =?utf-8?q?<img_src=3Dx_onerror=3Dalert(1)>?=", "Content-Type: application/pdf; name=\"..\\\\<b onclick=x>.pdf\"", "", "x"))
	require.Equal(t, "<script>alert(1)</script>", m.From[0].Name)
	require.Equal(t, "<img src=x onerror=alert(1)>", m.Subject)
	require.Equal(t, "<b onclick=x>.pdf", m.Attachments[0].Name)
}
