const LUNAR_HALF_DAY_MS = 44_712_000
const now = Date.now()
const first = Math.ceil(now / LUNAR_HALF_DAY_MS) * LUNAR_HALF_DAY_MS

document.querySelector('#tides').innerHTML = Array.from({ length: 6 }, (_, index) => {
  const at = new Date(first + (index * LUNAR_HALF_DAY_MS) / 2)
  const time = at.toLocaleString([], { weekday: 'short', hour: '2-digit', minute: '2-digit' })
  return `<tr><td>${time}</td><td>${index % 2 === 0 ? 'high' : 'low'}</td></tr>`
}).join('')
