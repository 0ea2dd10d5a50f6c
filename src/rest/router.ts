/** Which dialect a path belongs to. Paths of none are not answered here. */
import type { Dialect } from './dialect.ts'

/** `prefix`: for the counts of requests. */
export type Match = { dialect: Dialect; prefix: string }

export type Rest = ReturnType<typeof createRestRouter>

const DOCUMENT = /^\/openapi\/([a-z]+)\.json$/

export function createRestRouter(dialects: readonly Dialect[]) {
  const byLength = dialects
    .flatMap((dialect) => dialect.prefixes.map((prefix) => ({ dialect, prefix })))
    .sort((one, other) => other.prefix.length - one.prefix.length)
  return {
    /** By the longest prefix that is the path or a folder of it; null: it is no dialect's. */
    match: (pathname: string): Match | null =>
      byLength.find(({ prefix }) => pathname === prefix || pathname.startsWith(`${prefix}/`)) ?? null,

    /** The OpenAPI document at this path, or null. */
    documentAt(pathname: string): object | null {
      const name = DOCUMENT.exec(pathname)?.[1]
      return dialects.find((dialect) => dialect.name === name)?.document() ?? null
    },
  }
}
