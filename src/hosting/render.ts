/** The page around a site: everything in it is ours, except for the frame, which has no rights here. */
import { createHash } from 'node:crypto'

/** What a site may do on an origin that it shares with the API: it runs, but as nobody. */
export const SANDBOX = 'allow-scripts allow-forms allow-popups'

const STYLE = `
html, body { height: 100%; margin: 0 }
body { display: flex; flex-direction: column; font: 14px/1.4 system-ui, sans-serif; color: #222; background: #f4f4f2 }
header { display: flex; gap: 12px; align-items: baseline; padding: 8px 16px; border-bottom: 1px solid #ddd }
h1 { margin: 0; font-size: 16px; overflow: hidden; text-overflow: ellipsis; white-space: nowrap }
code { color: #666 }
iframe { flex: 1; border: 0; background: #fff }
`

const styleHash = createHash('sha256').update(STYLE).digest('base64')

/** Nothing but its own style and frames from its own origin; nobody frames it. */
export const VIEWER_POLICY = [
  `default-src 'none'`,
  `style-src 'sha256-${styleHash}'`,
  `frame-src 'self'`,
  `frame-ancestors 'none'`,
  `base-uri 'none'`,
  `form-action 'none'`,
].join('; ')

/** `edition`: its name in addresses, `demo` or `demo--v3`. */
export function viewerPage({ name, edition }: { name: string; edition: string }): string {
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>${escapeHtml(name)}</title>
<style>${STYLE}</style>
</head>
<body>
<header><h1>${escapeHtml(name)}</h1><code>${escapeHtml(edition)}</code></header>
<iframe title="${escapeHtml(name)}" src="/a/${encodeURIComponent(edition)}/?_raw" sandbox="${SANDBOX}"></iframe>
</body>
</html>
`
}

const ENTITIES: Record<string, string> = { '&': '&amp;', '<': '&lt;', '>': '&gt;', '"': '&quot;', "'": '&#39;' }

const escapeHtml = (text: string): string => text.replace(/[&<>"']/g, (character) => ENTITIES[character] ?? '')
