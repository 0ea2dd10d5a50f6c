/**
 * The generated service worker of an app. Of each version it keeps the files in a cache of its own, all or none, and
 * lets those of other versions go when it takes over. Pages, and whatever may change, come from the network as long as
 * there is one; what says in its name what it contains comes from the cache. Only what was kept at the start is ever
 * kept, so an answer such as 401 never is. Pure.
 */
import type { SiteApp } from '../artifacts/apps.ts'
import { isFingerprinted } from './fingerprint.ts'

/** `root`: path of the site's root; the worker must be served from there. */
export function serviceWorkerOf({ artifactId, versionNo, entrypoint, offline }: SiteApp, root: string): string {
  const urls = offline.map((path) => (path === entrypoint ? root : root + encodePath(path)))
  const forEver = offline.filter((path) => path !== entrypoint && isFingerprinted(path))
  return `const PREFIX = ${literal(`runsheet:${artifactId}:`)}
const CACHE = PREFIX + ${versionNo}
const ROOT = ${literal(root)}
const FILES = ${literal(urls)}
const FOR_EVER = new Set(${literal(forEver.map((path) => root + encodePath(path)))})
${WORKER}`
}

const WORKER = `
const reload = (url) => new Request(url, { cache: 'no-cache', credentials: 'same-origin' })

self.addEventListener('install', (event) => {
  event.waitUntil((async () => {
    const cache = await caches.open(CACHE)
    try {
      await cache.addAll(FILES.map(reload))
    } catch (error) {
      await caches.delete(CACHE)
      throw error
    }
    await self.skipWaiting()
  })())
})

self.addEventListener('activate', (event) => {
  event.waitUntil((async () => {
    const names = await caches.keys()
    await Promise.all(names.filter((name) => name.startsWith(PREFIX) && name !== CACHE).map((name) => caches.delete(name)))
    await self.clients.claim()
  })())
})

const kept = async (url) => (await caches.open(CACHE)).match(url, { ignoreVary: true })

async function keptPage(url) {
  const path = url.pathname
  const places = path.endsWith('/') ? [path, path + 'index.html'] : [path, path + '/index.html']
  for (const place of [...places, ROOT]) {
    const page = await kept(place)
    if (page) return page
  }
}

async function fromNetwork(request, otherwise) {
  try {
    return await fetch(request)
  } catch (error) {
    const page = await otherwise()
    if (page) return page
    throw error
  }
}

self.addEventListener('fetch', (event) => {
  const { request } = event
  const url = new URL(request.url)
  if (request.method !== 'GET' || url.origin !== self.location.origin || !url.pathname.startsWith(ROOT)) return
  if (url.pathname.startsWith(ROOT + '.runsheet/') || request.headers.has('range')) return
  if (request.mode === 'navigate') event.respondWith(fromNetwork(request, () => keptPage(url)))
  else if (FOR_EVER.has(url.pathname)) {
    event.respondWith(kept(url.pathname).then((file) => file || fetch(request)))
  } else event.respondWith(fromNetwork(request, () => kept(url.pathname)))
})
`

const encodePath = (path: string): string => path.split('/').map(encodeURIComponent).join('/')

/** JSON is JavaScript. */
const literal = (value: unknown): string => JSON.stringify(value)
