/** The app that browsers may make of a site. Pure. */
import { z } from 'zod'
import { text } from '../kernel/storable.ts'

const NAME_LIMIT = 200
/** Characters that phones show below an icon. */
const SHORT_NAME_LIMIT = 12
/** Of an icon as a data URL. */
const ICON_CHARS_LIMIT = 1024 * 1024

const DATA_ICON = /^data:image\/(png|jpeg|webp|gif|svg\+xml|x-icon);base64,[A-Za-z0-9+/]+={0,2}$/

/** http or https, absolute. */
function isIcon(icon: string): boolean {
  if (icon.startsWith('data:')) return DATA_ICON.test(icon)
  const url = URL.canParse(icon) ? new URL(icon) : null
  return url !== null && /^https?:$/.test(url.protocol) && !url.username && !url.password
}

export const pwaSpec = z.object({
  enabled: z.boolean('must be true or false').nullish(),
  name: text(NAME_LIMIT).min(1, 'must not be empty').nullish(),
  shortName: text(SHORT_NAME_LIMIT).min(1, 'must not be empty').nullish(),
  icon: text(ICON_CHARS_LIMIT)
    .refine(isIcon, 'must be a data URL of an image in base64, or an absolute http or https URL')
    .nullish(),
})

export type PwaInput = z.output<typeof pwaSpec>

/** As a version keeps it. */
export type Pwa = { name: string; shortName: string; icon: string | null }

/** Null unless it is enabled. `artifactName` is its name if it has none of its own. */
export function pwaOf(input: PwaInput | null | undefined, artifactName: string): Pwa | null {
  if (!input?.enabled) return null
  const name = input.name ?? artifactName
  const shortName = input.shortName ?? [...name].slice(0, SHORT_NAME_LIMIT).join('').trim()
  return { name, shortName, icon: input.icon ?? null }
}
