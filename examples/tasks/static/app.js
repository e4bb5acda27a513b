// What neither HTML nor htmx does. Without it everything works too.
addEventListener('input', e => {
  if (e.target.id !== 'moment') return
  const text = new Date(e.target.value * 1000).toLocaleString('en-GB', {
    timeZone: 'UTC', day: 'numeric', month: 'short', year: 'numeric', hour: '2-digit', minute: '2-digit',
  }) + ' UTC'
  document.getElementById('moment-text').textContent = text
  e.target.setAttribute('aria-valuetext', text)
})

// Who one is applies at once.
addEventListener('change', e => {
  if (e.target.id === 'person') e.target.form.requestSubmit()
})
document.documentElement.classList.add('js')

// A live update keeps what is chosen in what it replaces, and where the focus is.
const same = e => e.getAttribute('href') + e.getAttribute('aria-label') + e.textContent
let chosen = [], focused
addEventListener('htmx:beforeSwap', e => {
  const live = e.detail.target
  if (live.id !== 'live') return
  chosen = [...live.querySelectorAll('select')].filter(s => !s.selectedOptions[0]?.defaultSelected).map(s => [s.id, s.value])
  focused = live.contains(document.activeElement) && !document.activeElement.id ? same(document.activeElement) : null
})
addEventListener('htmx:afterSwap', () => {
  for (const [id, value] of chosen.splice(0)) document.getElementById(id).value = value
  if (focused) [...document.querySelectorAll('#live a, #live button')].find(e => same(e) === focused)?.focus()
  focused = null
})

// What is told while a page is on its way may be newer than that page: then it is
// asked for once more.
let told = 0
addEventListener('htmx:sseMessage', e => { told = Math.max(told, e.detail.timeStamp) })
addEventListener('htmx:beforeSend', e => { e.detail.xhr.began = performance.now() })
addEventListener('htmx:afterSettle', e => {
  if (!(e.detail.xhr?.began < told)) return
  e.detail.xhr.began = Infinity
  htmx.trigger('[hx-trigger="sse:change"]', 'sse:change')
})

// The news go away by themselves.
new MutationObserver(() => {
  const news = document.getElementById('news')
  if (!news?.textContent.trim()) return
  clearTimeout(news.timer)
  news.timer = setTimeout(() => news.replaceChildren(), 8000)
}).observe(document.getElementById('news'), { childList: true })
