/** The page around a site: everything in it is ours, except for the frame, which has no rights here. */
import { createHash } from 'node:crypto'

/** What a site may do on an origin that it shares with the API: it runs, but as nobody. */
export const SANDBOX = 'allow-scripts allow-forms allow-popups'

const STYLE = `
html, body { height: 100%; margin: 0 }
body { display: flex; flex-direction: column; font: 14px/1.4 system-ui, sans-serif; color: #222; background: #f4f4f2 }
header { display: flex; gap: 12px; align-items: baseline; padding: 8px 16px; border-bottom: 1px solid #ddd }
h1 { margin: 0; font-size: 16px; overflow: hidden; text-overflow: ellipsis; white-space: nowrap }
code { flex: 1; color: #666 }
iframe { flex: 1; border: 0; background: #fff }
button { font: inherit }
`

/**
 * Hands the frame a data token when it has loaded, when it asks, and before the one it has ends. The frame's origin is
 * opaque, so it cannot be named; what may be in the frame is up to the policy of this page.
 */
const SCRIPT = `
const frame = document.querySelector('iframe')
let known = null
let timer
const isFresh = () => known && Date.parse(known.expiresAt) - Date.now() > 60000
async function give() {
  if (!isFresh()) {
    const answer = await fetch('.runsheet/data-token', { cache: 'no-store' }).catch(() => null)
    known = answer && answer.status === 200 ? await answer.json() : null
  }
  if (!known) return
  frame.contentWindow.postMessage(known, '*')
  clearTimeout(timer)
  timer = setTimeout(give, Math.max(1000, Date.parse(known.expiresAt) - Date.now() - 60000))
}
addEventListener('message', ({ source, data }) => {
  if (source === frame.contentWindow && data && data.type === 'runsheet:data-token-request') give()
})
frame.addEventListener('load', give)
give()
`

const sourceOf = (text: string) => `'sha256-${createHash('sha256').update(text).digest('base64')}'`
const styleSource = sourceOf(STYLE)
const scriptSource = sourceOf(SCRIPT)

/** What a policy can name; an address in brackets is none. */
const HOST_SOURCE = /^[a-z0-9.-]+(:\d+)?$/i

/**
 * Nothing but its own style and script, and the frame; nobody frames it. The frame cannot leave the artifact: what is in
 * it gets the visitor's data token. `host`: as the page was asked for.
 */
export function viewerPolicy(host: string, root: string): string {
  return [
    `default-src 'none'`,
    `style-src ${styleSource}`,
    `script-src ${scriptSource}`,
    `connect-src 'self'`,
    `manifest-src 'self'`,
    `frame-src ${HOST_SOURCE.test(host) ? `${host}${root}` : `'self'`}`,
    `frame-ancestors 'none'`,
    `base-uri 'none'`,
    `form-action 'self'`,
  ].join('; ')
}

export type ViewerPage = {
  name: string
  /** Its name in addresses, `demo` or `demo--v3`. */
  edition: string
  /** Where the site is, for the frame. */
  frame: string
  isPrivate: boolean
  isApp: boolean
}

export function viewerPage({ name, edition, frame, isPrivate, isApp }: ViewerPage): string {
  const title = escapeHtml(name)
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>${title}</title>
<style>${STYLE}</style>${isApp ? '\n<link rel="manifest" href="manifest.json" crossorigin="use-credentials">' : ''}
</head>
<body>
<header><h1>${title}</h1><code>${escapeHtml(edition)}</code>${isPrivate ? SIGN_OUT : SIGN_IN}</header>
<iframe title="${title}" src="${escapeHtml(frame)}" sandbox="${SANDBOX}"></iframe>
<script type="module">${SCRIPT}</script>
</body>
</html>
`
}

const SIGN_OUT = '<form method="post" action=".runsheet/sign-out"><button>Sign out</button></form>'
const SIGN_IN = '<a href=".runsheet/sign-in" rel="nofollow">Sign in</a>'

const ENTITIES: Record<string, string> = { '&': '&amp;', '<': '&lt;', '>': '&gt;', '"': '&quot;', "'": '&#39;' }

export const escapeHtml = (text: string): string => text.replace(/[&<>"']/g, (character) => ENTITIES[character] ?? '')
