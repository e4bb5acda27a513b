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

// The news go away by themselves.
new MutationObserver(() => {
  const news = document.getElementById('news')
  if (!news?.textContent.trim()) return
  clearTimeout(news.timer)
  news.timer = setTimeout(() => news.replaceChildren(), 8000)
}).observe(document.getElementById('news'), { childList: true })
