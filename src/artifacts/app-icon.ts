/** The icon of an app: what browsers need to know of it, and whether they would take it. Pure. */
import type { Pwa } from './pwa-spec.ts'

/** `sizes` as in a manifest, `192x192`; null: they cannot be told from here. */
export type Icon = { type: string | null; sizes: string | null; content: Buffer | null }

const PNG_SIGNATURE = '89504e470d0a1a0a'
/** Bytes of a PNG up to the end of its width and height. */
const PNG_HEAD = 24
/** Pixels that Chromium asks for. */
const LEAST_PIXELS = 144

const EXTENSIONS: Record<string, string> = {
  png: 'image/png',
  svg: 'image/svg+xml',
  jpg: 'image/jpeg',
  jpeg: 'image/jpeg',
  webp: 'image/webp',
  gif: 'image/gif',
  ico: 'image/x-icon',
}

/** Null: it has none. */
export function iconOf({ icon }: Pwa): Icon | null {
  if (icon === null) return null
  const [, type, base64] = /^data:([^;,]+);base64,(.*)$/s.exec(icon) ?? []
  if (type === undefined || base64 === undefined) return { type: typeByName(icon), sizes: null, content: null }
  const content = Buffer.from(base64, 'base64')
  return { type, content, sizes: type === 'image/svg+xml' ? 'any' : pngSizes(content) }
}

const typeByName = (url: string): string | null =>
  EXTENSIONS[/\.([a-z]+)$/i.exec(new URL(url).pathname)?.[1]?.toLowerCase() ?? ''] ?? null

function pngSizes(content: Buffer): string | null {
  if (content.length < PNG_HEAD || content.toString('hex', 0, 8) !== PNG_SIGNATURE) return null
  return `${content.readUInt32BE(16)}x${content.readUInt32BE(20)}`
}

/**
 * Whether a browser would offer to install it: only over TLS or on this machine, with an icon in the app itself that is
 * large enough and square. An icon elsewhere may be anything, or gone, so it does not count. `siteUrl`: of the site's own
 * origin.
 */
export function installable(pwa: Pwa, siteUrl: string): boolean {
  const { protocol, hostname } = new URL(siteUrl)
  const isSecure = protocol === 'https:' || /(^|\.)localhost$/.test(hostname) || /^(127\.|\[::1\])/.test(hostname)
  const icon = iconOf(pwa)
  if (!isSecure || !icon?.content) return false
  if (icon.type === 'image/svg+xml') return /<svg[\s>]/i.test(icon.content.toString())
  const [width = 0, height = 0] = (icon.type === 'image/png' && icon.sizes?.split('x').map(Number)) || []
  return width >= LEAST_PIXELS && width === height
}
