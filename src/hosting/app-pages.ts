/**
 * Pages with the links of an app in them, as contents of their own: each has a digest, derived from the page's and the
 * links', and so its own tag, ranges and compressed forms. The contents are put together again whenever they are asked
 * for, and only their compressed forms are stored, beside those of the page.
 */
import { createHash } from 'node:crypto'
import { LRUCache } from 'lru-cache'
import type { StoredFile } from '../artifacts/sites.ts'
import { growingTo } from '../kernel/growing.ts'
import { withLinks } from './app-links.ts'
import type { Encoding } from './encodings.ts'
import { isHtml } from './responses.ts'
import type { BlobRef, Storage } from './storage.ts'

/** Bytes; larger pages are served as they are. */
const PAGE_LIMIT = 2 * 1024 * 1024
/** Bytes of pages that are kept in memory. */
const KEPT_BYTES = 16 * 1024 * 1024
/** Pages of which is remembered what they are made of. */
const REMEMBERED = 20_000

type Recipe = { digest: string; links: string; linksDigest: string }

export type AppPages = ReturnType<typeof createAppPages>

const digestOf = (text: string) => createHash('sha256').update(text).digest('hex')

export function createAppPages(storage: Storage) {
  const recipes = new LRUCache<string, Recipe>(growingTo(REMEMBERED))
  const pages = new LRUCache<string, { page: Buffer | null }>({
    maxSize: KEPT_BYTES,
    sizeCalculation: ({ page }) => 1 + (page?.length ?? 0),
  })

  /** Null: the page is gone, or cannot have links. */
  async function pageOf(ownerId: string, derived: string, { digest, links }: Recipe): Promise<Buffer | null> {
    const key = `${ownerId} ${derived}`
    const kept = pages.get(key)
    if (kept) return kept.page
    const content = await storage.read(ownerId, digest)
    if (!content) return null
    const page = withLinks(content, links)
    pages.set(key, { page })
    return page
  }

  /** The name under which a compressed form is stored beside those of the page itself. */
  const stored = (encoding: Encoding, { linksDigest }: Recipe) => `${encoding}+${linksDigest}` as Encoding
  const beside = ({ ownerId }: BlobRef, { digest }: Recipe): BlobRef => ({ ownerId, digest })

  const derivedStorage: Storage = {
    ...storage,
    async read(ownerId, digest) {
      const recipe = recipes.get(digest)
      if (!recipe) return storage.read(ownerId, digest)
      const page = await pageOf(ownerId, digest, recipe)
      return page && Buffer.from(page)
    },
    async slice(blob, encoding, start, length) {
      const recipe = recipes.get(blob.digest)
      if (!recipe) return storage.slice(blob, encoding, start, length)
      if (encoding) return storage.slice(beside(blob, recipe), stored(encoding, recipe), start, length)
      return (await pageOf(blob.ownerId, blob.digest, recipe))?.subarray(start, start + length) ?? null
    },
    async variantSize(blob, encoding) {
      const recipe = recipes.get(blob.digest)
      if (!recipe) return storage.variantSize(blob, encoding)
      return storage.variantSize(beside(blob, recipe), stored(encoding, recipe))
    },
    async keepVariant(blob, encoding, content) {
      const recipe = recipes.get(blob.digest)
      if (!recipe) return storage.keepVariant(blob, encoding, content)
      return storage.keepVariant(beside(blob, recipe), stored(encoding, recipe), content)
    },
  }

  return {
    /** The contents of files and of pages with links. */
    storage: derivedStorage,

    /** The file as a page of an app; what is no page, or cannot have the links, stays what it is. */
    async page(ownerId: string, file: StoredFile, links: string): Promise<StoredFile> {
      if (!isHtml(file.mime) || file.sizeBytes > PAGE_LIMIT) return file
      const linksDigest = digestOf(links).slice(0, 16)
      const derived = digestOf(`${file.digest} ${linksDigest}`)
      const recipe = { digest: file.digest, links, linksDigest }
      recipes.set(derived, recipe)
      const page = await pageOf(ownerId, derived, recipe)
      return page ? { ...file, digest: derived, sizeBytes: page.length } : file
    },
  }
}
