package main

import (
	"fmt"
	"strings"
	"testing"

	"github.com/chromedp/chromedp"
)

// TestWithoutScripts: nothing needs JavaScript.
func TestWithoutScripts(t *testing.T) {
	t.Parallel()
	a := start(t)
	b := a.tab()
	b.withoutScripts()
	css := func(s string) chromedp.CSS { return chromedp.CSS(s) }
	b.open("/tasks")
	b.do(chromedp.SendKeys(css("#q"), "insure"), chromedp.Click(css(".filter button")), chromedp.WaitVisible(css(".list tbody tr:only-child")))
	b.do(chromedp.Navigate(b.URL+"/tasks/new"), chromedp.SendKeys(css("#f-title"), "Plain"), chromedp.Click(css(".form button")), chromedp.WaitVisible(css(".did")))
	task := a.task("Plain")
	b.open(at(task, "/edit"))
	b.do(chromedp.SendKeys(css("#f-description"), "More"), chromedp.Click(css(".form button")), chromedp.WaitVisible(css(".did")))
	b.open(at(task, "/history"))
	b.do(chromedp.Click(css("#v1 button")), chromedp.WaitVisible(css(".did")))
	if now := a.now(task); now.Version != 3 || now.Description != "" {
		t.Errorf("%+v", now)
	}
	b.open(at(task, "/delete"))
	b.do(chromedp.SendKeys(css("#f-reason"), "x"), chromedp.Click(css(".form button")), chromedp.WaitVisible(css(".did")))
	b.open("/tasks/deleted")
	b.do(chromedp.Click(css("#r-"+task.EntityID.String()+" button")), chromedp.WaitVisible(css(".did")))
	if now := a.now(task); now.DeletedAt != nil {
		t.Errorf("%+v", now)
	}
	b.do(chromedp.SetAttributeValue(css("#moment"), "value", fmt.Sprint(task.ValidFrom.AddDate(0, 0, -10).Unix())))
	b.do(chromedp.Click(css("#slider button")))
	b.do(chromedp.WaitVisible(css(".banner")))
	b.do(chromedp.Click(css(".banner .button")), chromedp.WaitNotPresent(css(".banner")))
	b.do(chromedp.SendKeys(css("#person"), "C"))
	b.do(chromedp.Click(css(".who button")), chromedp.WaitReady(css("#person option[value='3'][selected]")))
}

const audit = `(() => {
  const wrong = [], say = (what, e) => wrong.push(what + ': ' + e.outerHTML.slice(0, 120))
  const seen = e => e.getClientRects().length > 0 && getComputedStyle(e).visibility !== 'hidden'
  const name = e => (e.getAttribute('aria-label') || e.innerText || e.textContent || '').trim()
  if (document.documentElement.lang !== 'en') wrong.push('no lang')
  if (!document.title) wrong.push('no title')
  if (document.querySelectorAll('h1').length !== 1) wrong.push(document.querySelectorAll('h1').length + ' h1')
  let level = 0
  for (const h of document.querySelectorAll('h1, h2, h3, h4')) { const n = +h.tagName[1]; if (n > level + 1) say('heading skips', h); level = n }
  const ids = new Set()
  for (const e of document.querySelectorAll('[id]')) { if (ids.has(e.id)) say('id twice', e); ids.add(e.id) }
  for (const e of document.querySelectorAll('input:not([type=hidden]), select, textarea')) if (!e.labels?.length && !e.getAttribute('aria-label')) say('no label', e)
  for (const e of document.querySelectorAll('a[href], button')) if (seen(e) && !name(e)) say('no name', e)
  for (const e of document.querySelectorAll('[aria-labelledby], [aria-describedby]')) for (const id of ['aria-labelledby', 'aria-describedby'].flatMap(a => e.getAttribute(a)?.split(' ') ?? [])) if (!document.getElementById(id)) say('refers to nothing', e)
  for (const e of document.querySelectorAll('[aria-invalid]')) if (!document.getElementById(e.getAttribute('aria-describedby'))?.innerText.trim()) say('wrong, but not said why', e)
  for (const e of document.querySelectorAll('svg')) if (!e.closest('[aria-hidden]') && !e.getAttribute('aria-label') && !e.getAttribute('aria-labelledby')) say('picture without name', e)
  for (const e of document.querySelectorAll('button, .button, select, input:not([type=hidden], [type=radio])')) if (seen(e)) { const r = e.getBoundingClientRect(); if (r.width < 24 || r.height < 24) say('hard to hit, ' + Math.round(r.width) + ' x ' + Math.round(r.height), e) }
  for (const e of document.querySelectorAll('table')) if (![...e.querySelectorAll('th')].every(th => th.scope)) say('header without scope', e)
  if (document.documentElement.scrollWidth > innerWidth + 1) wrong.push('wider than the window: ' + document.documentElement.scrollWidth + ' > ' + innerWidth)

  // Contrast as WCAG 2 counts it. The browser itself resolves all colours.
  const canvas = document.createElement('canvas').getContext('2d', { willReadFrequently: true })
  const rgba = color => { canvas.clearRect(0, 0, 1, 1); canvas.fillStyle = color; canvas.fillRect(0, 0, 1, 1); const d = canvas.getImageData(0, 0, 1, 1).data; return [d[0], d[1], d[2], d[3] / 255] }
  const over = (a, b) => [0, 1, 2].map(i => a[i] * a[3] + b[i] * (1 - a[3])).concat(1)
  const ground = e => { const stack = []; for (; e; e = e.parentElement) stack.push(rgba(getComputedStyle(e).backgroundColor)); return stack.reverse().reduce((b, a) => over(a, b), [255, 255, 255, 1]) }
  const light = c => { const l = c.slice(0, 3).map(v => (v /= 255) <= .04045 ? v / 12.92 : ((v + .055) / 1.055) ** 2.4); return .2126 * l[0] + .7152 * l[1] + .0722 * l[2] }
  const contrast = (c, b) => { const [hi, lo] = [light(over(c, b)), light(b)].sort((x, y) => y - x); return (hi + .05) / (lo + .05) }
  for (const e of document.querySelectorAll('[placeholder]')) if (seen(e)) { const s = getComputedStyle(e, '::placeholder'), c = rgba(s.color); c[3] *= s.opacity; if (contrast(c, ground(e)) < 4.5) say('contrast of what a field suggests ' + contrast(c, ground(e)).toFixed(2), e) }
  for (const e of document.querySelectorAll('button, .button, input:not([type=hidden], [type=range], [type=radio]), select, textarea')) if (seen(e)) { const s = getComputedStyle(e); if (e.matches('input, select, textarea') && contrast(rgba(s.borderTopColor), ground(e.parentElement)) < 3) say('contrast of a border ' + contrast(rgba(s.borderTopColor), ground(e.parentElement)).toFixed(2), e) }
  const texts = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT)
  for (let n; n = texts.nextNode();) {
    const e = n.parentElement
    if (!n.data.trim() || !seen(e) || e.closest('noscript, title, [aria-hidden], .unseen')) continue
    const s = getComputedStyle(e), b = ground(e), ratio = contrast(rgba(e.closest('svg') ? s.fill : s.color), b)
    const large = parseFloat(s.fontSize) >= 24 || parseFloat(s.fontSize) >= 18.66 && s.fontWeight >= 700
    if (ratio < (large ? 3 : 4.5)) say('contrast ' + ratio.toFixed(2) + ' "' + n.data.trim().slice(0, 30) + '"', e)
  }
  return wrong
})()`

// TestAccessible looks for what keeps people out, on every sort of page, on a phone
// and on a desk, light and dark.
func TestAccessible(t *testing.T) {
	t.Parallel()
	a := start(t)
	b := a.tab()
	sign, flyer := a.task("Order the sign"), a.task("Hand out flyers at the market")
	long := a.change("Ada", strings.Repeat("because ", 20), a.task("Find a roaster"), func(t *Task) { t.Title, t.Description = strings.Repeat("Long", 30), strings.Repeat("x", 300) })
	note := "/notes/" + a.note("Cleaning plan").EntityID.String()
	then := "/at/" + stamp(sign.ValidFrom)
	pages := []string{"/", "/overview", "/tasks", "/tasks?q=nothing", "/notes", "/tasks/new", "/notes/new", "/tasks/deleted", "/changes", at(sign, ""), at(sign, "/edit"), at(sign, "/history"),
		at(sign, "/compare?from=1&to=5"), at(sign, "/delete"), at(flyer, ""), at(long, ""), at(long, "/history"), "/nothing", "/tasks/abc", then + "/", then + "/tasks", then + at(sign, "/history"), then + at(long, ""),
		then + "/tasks/deleted", then + at(sign, "/compare?from=1&to=1"), then + "/changes", "/notes/deleted", note, note + "/edit", note + "/history", at(flyer, "/history"), "/tasks?sort=none"}
	look := func(what string) {
		t.Helper()
		wrong, err := chromedp.Run(b.ctx, chromedp.Evaluate[[]string](audit))
		if err != nil {
			t.Fatal(err)
		}
		for _, w := range wrong {
			t.Errorf("%s: %s", what, w)
		}
	}
	for _, scheme := range []string{"light", "dark"} {
		for _, width := range []int64{320, 390, 1200} {
			b.do(emulate(scheme), chromedp.EmulateViewport(width, 800))
			for _, page := range pages {
				b.open(page)
				look(fmt.Sprint(page, " ", scheme, " ", width))
			}
			seen := a.now(long)
			b.open(at(long, "/edit"))
			a.change("Boris", "", long, func(t *Task) { t.Title = fmt.Sprintf("Other %s %d", scheme, width) })
			b.fill("Title", "Mine")
			b.click("Save")
			b.shows("Somebody else saved first")
			look(fmt.Sprint("conflict ", scheme, " ", width, " of version ", seen.Version))
			b.open("/tasks/new")
			b.fill("Title", " ")
			b.click("Create")
			look(fmt.Sprint("invalid ", scheme, " ", width))
			b.open(at(long, "/delete"))
			js[bool](b, "(document.querySelector('#f-reason').required = false, true)")
			b.click("Delete")
			look(fmt.Sprint("delete for no reason ", scheme, " ", width))
			b.open(at(long, "/edit"))
			b.fill("Title", "Mine")
			a.remove("Boris", "Gone", long)
			b.click("Save")
			b.shows("nothing of it is saved yet")
			look(fmt.Sprint("deleted meanwhile ", scheme, " ", width))
			if _, err := tasks.Undelete(t.Context(), a.pool, long.EntityID); err != nil {
				t.Fatal(err)
			}
		}
	}
}
