/** The generated manifest of an app. Pure. */

import { iconOf } from '../artifacts/app-icon.ts'
import type { Pwa } from '../artifacts/pwa-spec.ts'

/** Of the window's frame and of what is shown while it opens. */
export const THEME_COLOR = '#ffffff'

/** `root`: path of the site's root, which is where the app opens and all that it is. */
export function manifestOf(pwa: Pwa, root: string): string {
  const icon = iconOf(pwa)
  const described = icon && {
    src: pwa.icon,
    ...(icon.sizes && { sizes: icon.sizes }),
    ...(icon.type && { type: icon.type }),
    purpose: 'any',
  }
  return JSON.stringify({
    id: root,
    name: pwa.name,
    short_name: pwa.shortName,
    start_url: root,
    scope: root,
    display: 'standalone',
    theme_color: THEME_COLOR,
    background_color: THEME_COLOR,
    icons: described ? [described] : [],
  })
}
