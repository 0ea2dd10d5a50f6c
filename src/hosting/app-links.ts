/** What a page of an app is told in its head: where the manifest is, and on the site's own origin to start the worker. Pure. */
import { THEME_COLOR } from './manifest.ts'

/** Registers the worker; a file, as a page's own policy may forbid scripts that stand in it. */
export const APP_SCRIPT = `if ('serviceWorker' in navigator && isSecureContext) {
  navigator.serviceWorker.register('/sw.js').catch((error) => console.warn('the app cannot be used offline:', error))
}
`

/** `shared`: on the API's own origin pages are sandboxed, and cannot have a worker. */
export function appLinks({ root, shared }: { root: string; shared: boolean }): string {
  const links = [
    `<link rel="manifest" href="${root}manifest.json" crossorigin="use-credentials">`,
    `<meta name="theme-color" content="${THEME_COLOR}">`,
    `<link rel="apple-touch-icon" href="${root}.runsheet/icon">`,
    ...(shared ? [] : [`<script src="/.runsheet/app.js" defer></script>`]),
  ]
  return links.join('')
}

/**
 * The page with the links before the end of its head; in one without, at the start, but behind its doctype. Null: it is
 * written in another encoding than the links are.
 */
export function withLinks(page: Buffer, links: string): Buffer | null {
  if (isUtf16(page)) return null
  // Each byte is a character: where it stands in the text is where it stands in the bytes.
  const text = page.toString('latin1')
  const end = /<\/head\s*>/i.exec(text)?.index
  const at =
    end ?? /^(\xef\xbb\xbf)?\s*(<!--[\s\S]*?-->\s*)*<!doctype[^>]*>|^(\xef\xbb\xbf)?/i.exec(text)?.[0].length ?? 0
  return Buffer.concat([page.subarray(0, at), Buffer.from(links), page.subarray(at)])
}

const isUtf16 = (page: Buffer): boolean => ['fffe', 'feff'].includes(page.toString('hex', 0, 2))
