/**
 * Finds the file that is asked for. What anybody may see comes by way of the memory; rights to a PRIVATE site are
 * checked for each request, and nothing of it is kept.
 */
import type { ArtifactService } from '../artifacts/service.ts'
import type { Site, SiteQuery } from '../artifacts/sites.ts'
import type { Viewer } from '../identity/viewer.ts'
import { nameOf, type SiteFile } from './asked.ts'
import { isFingerprinted } from './fingerprint.ts'
import type { Known, SiteMemory } from './memory.ts'
import { lookupOf } from './paths.ts'

/** `known`: null of what not everybody may see. `viewer`: whose rights were looked at. */
export type Found = { site: Site; known: Known | null; viewer: Viewer }

/** Under which the memory has it. */
export const keyOf = (asked: SiteFile): string => `${nameOf(asked)}/${asked.path}${asked.mobile ? '?mobile' : ''}`

export function createFind({
  artifacts,
  memory,
}: {
  artifacts: Pick<ArtifactService, 'openSite' | 'siteFor'>
  memory: Pick<SiteMemory, 'resolve'>
}) {
  /**
   * Null: there is no such site, or no file can have the path. `authenticate` is called for PRIVATE sites only;
   * ForbiddenError when one is not for whoever it is.
   */
  return async (asked: SiteFile, authenticate: (artifactId: string) => Promise<Viewer>): Promise<Found | null> => {
    const query = queryOf(asked)
    if (!query) return null
    const known = await memory.resolve(keyOf(asked), () => artifacts.openSite(query))
    if (known === null) return null
    if (known !== 'PRIVATE') return { site: known.site, known, viewer: null }
    const seen = await artifacts.siteFor(authenticate, query)
    return seen && { ...seen, known: null }
  }
}

function queryOf({ slug, versionNo, path, mobile }: SiteFile): SiteQuery | null {
  const lookup = lookupOf(path)
  return lookup && { slug, versionNo, ...lookup, mobile, outlives: isFingerprinted(path) }
}
