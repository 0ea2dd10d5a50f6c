/** What an artifact may be called and what may be in it. Pure. */
import mime from 'mime'
import { z } from 'zod'
import { accessPolicySpec } from '../data/policy.ts'
import type { Visibility } from '../db/generated/prisma/enums.ts'
import type { Issue } from '../kernel/errors.ts'
import { agentSpec } from './agent-spec.ts'
import { pwaSpec } from './pwa-spec.ts'

const MiB = 1024 * 1024

/** Characters. */
const NAME_LIMIT = 200
const DESCRIPTION_LIMIT = 1000
export const SLUG_LIMIT = 50
/** What a version may be: bytes of a file, bytes of all files together, and how many there are. */
export type PublishLimits = { fileBytes: number; versionBytes: number; files: number }

export const DEFAULT_LIMITS: PublishLimits = { fileBytes: 100 * MiB, versionBytes: 500 * MiB, files: 20_000 }
const PATH_BYTES_LIMIT = 1024
/** A deleted artifact can be restored, and its slug is its owner's, for so long. */
export const RETENTION_DAYS = 30

const VISIBILITIES = ['PUBLIC', 'UNLISTED', 'PRIVATE'] as const satisfies readonly Visibility[]
const ENCODINGS = ['UTF8', 'BASE64'] as const

const SLUG = /^[a-z0-9]([a-z0-9-]*[a-z0-9])?$/
/** `demo--v3` is the address of a version. */
const VERSION_ADDRESS = /--v\d+$/

export const isSlug = (text: string): boolean =>
  text.length <= SLUG_LIMIT && SLUG.test(text) && !VERSION_ADDRESS.test(text)

/** The slug of what was given none; `otherwise` of a name without a plain letter or digit. */
export function slugOf(name: string, otherwise = 'artifact'): string {
  const words = name.toLowerCase().split(/[^a-z0-9]+/)
  const slug = words.filter(Boolean).join('-').slice(0, SLUG_LIMIT)
  return slug.replace(/-$/, '') || otherwise
}

/** What is wrong with a file's path, or null. A path may also be the folder of another. */
export function flawOfPath(path: string): string | null {
  if (path === '') return 'must not be empty'
  if (/\p{Cc}/u.test(path) || !path.isWellFormed()) return 'must have no control characters'
  if (Buffer.byteLength(path) > PATH_BYTES_LIMIT) return `must have at most ${PATH_BYTES_LIMIT} bytes`
  if (path.includes('\\')) return 'must have no backslash; folders are separated by /'
  const segments = path.split('/')
  if (segments.includes('')) return 'must be relative, without a / at the start, at the end or after another'
  if (segments.includes('.') || segments.includes('..')) return 'must have no segment . or ..'
  return null
}

/** The media type by the path's extension. */
export const mimeOf = (path: string): string =>
  mime.getType(/[^/]\.([^./]+)$/.exec(path)?.[1] ?? '') ?? 'application/octet-stream'

/** The bytes of strict base64 (RFC 4648 §4: padded, no white space, no stray bits), or null if it is not that. */
export function decodeBase64(text: string): Buffer | null {
  const bytes = Buffer.from(text, 'base64')
  return bytes.toString('base64') === text ? bytes : null
}

const most = (limit: number) => `must have at most ${limit} characters`
const nameSpec = z
  .string()
  .trim()
  .min(1, 'must not be empty')
  .max(NAME_LIMIT, most(NAME_LIMIT))
  .regex(/^\P{Cc}*$/u, 'must have no control characters')
/** PostgreSQL's text knows no NUL. */
const textSpec = (limit: number) =>
  z
    .string()
    .max(limit, most(limit))
    .refine((text) => !text.includes('\0'), 'must have no NUL character')
const descriptionSpec = textSpec(DESCRIPTION_LIMIT)
const visibilitySpec = z.enum(VISIBILITIES, `must be one of ${VISIBILITIES.join(', ')}`)

const slugSpec = z
  .string()
  .max(SLUG_LIMIT, most(SLUG_LIMIT))
  .regex(SLUG, 'must be lower-case letters and digits, and - inside')
  .refine((slug) => !VERSION_ADDRESS.test(slug), 'must not end in --v and digits: that is the address of a version')

const pathSpec = z.string().superRefine((path, { addIssue }) => {
  const message = flawOfPath(path)
  if (message) addIssue({ code: 'custom', message })
})

const TOKEN = "[\\w!#$%&'*+.^`|~-]+"
const MEDIA_TYPE = new RegExp(`^${TOKEN}/${TOKEN}(?:[ \\t]*;[ \\t]*${TOKEN}=(?:${TOKEN}|"[ !#-\\[\\]-~]*"))*$`)

/** SHA-256, in lower-case hex. */
export const digestSpec = z.string().regex(/^[0-9a-f]{64}$/, 'must be a SHA-256 in 64 lower-case hex digits')

const mediaType = z.string().max(255, most(255)).regex(MEDIA_TYPE, 'must be a media type, such as text/html').nullish()

const fileSpec = z.object({
  path: pathSpec,
  content: z.string(),
  mime: mediaType,
  encoding: z.enum(ENCODINGS, `must be one of ${ENCODINGS.join(', ')}`).nullish(),
})

const uploadedFileSpec = z.object({ path: pathSpec, digest: digestSpec, mime: mediaType })

const formOf = ({ encoding }: { encoding?: 'UTF8' | 'BASE64' | null | undefined }) =>
  encoding === 'BASE64' ? 'base64' : 'utf8'

/** A file that is given with its content, or whose content was uploaded before. `at`: where in the input. */
export type NewFile = { at: string; path: string; mime: string } & ({ content: Buffer } | { digest: string })

/** Of an issue: it is more than a setting allows. */
const LIMIT = { limit: true }

/** Sizes are told from the encoded text, so nothing is decoded before all of it is known to fit. */
const filesSpec = (limits: PublishLimits) =>
  z
    .array(fileSpec)
    .superRefine((files, { addIssue }) => {
      if (files.length > limits.files) {
        addIssue({ code: 'custom', message: `must have at most ${limits.files} files`, params: LIMIT, continue: false })
      }
      let total = 0
      for (const [index, file] of files.entries()) {
        const size = Buffer.byteLength(file.content, formOf(file))
        if (size > limits.fileBytes) {
          const message = `must have at most ${limits.fileBytes} bytes`
          addIssue({ code: 'custom', path: [index, 'content'], message, params: LIMIT })
        }
        total += size
      }
      if (total > limits.versionBytes) {
        addIssue({ code: 'custom', message: `must have at most ${limits.versionBytes} bytes together`, params: LIMIT })
      }
    })
    .transform((files, { addIssue }) =>
      files.map(({ path, mime, ...file }, index): NewFile => {
        const content = formOf(file) === 'base64' ? decodeBase64(file.content) : Buffer.from(file.content)
        if (!content) addIssue({ code: 'custom', path: [index, 'content'], message: 'must be strict base64' })
        return { at: `files.${index}`, path, mime: mime ?? mimeOf(path), content: content ?? Buffer.alloc(0) }
      }),
    )

const uploadedFilesSpec = z.array(uploadedFileSpec).transform((files) =>
  files.map(({ path, mime, digest }, index): NewFile => {
    return { at: `uploadedFiles.${index}`, path, mime: mime ?? mimeOf(path), digest }
  }),
)

function flawsOfBundle(files: readonly NewFile[], entrypoint: string, limits: PublishLimits): Issue[] {
  if (files.length === 0) return [{ path: 'files', message: 'must have at least one file' }]
  if (files.length > limits.files)
    return [{ path: 'files', message: `must have at most ${limits.files} files`, limit: true }]
  const paths = new Set<string>()
  const repeated = files.filter(({ path }) => paths.size === paths.add(path).size)
  const flaws = repeated.map(({ at }) => ({ path: `${at}.path`, message: 'is there twice' }))
  return paths.has(entrypoint) ? flaws : [...flaws, { path: 'entrypoint', message: 'must be one of the files' }]
}

export const publishSpec = (limits: PublishLimits) =>
  z
    .object({
      name: nameSpec,
      slug: slugSpec.nullish(),
      description: descriptionSpec.nullish(),
      entrypoint: z
        .string()
        .nullish()
        .transform((path) => path ?? 'index.html'),
      visibility: visibilitySpec.nullish(),
      accessPolicy: accessPolicySpec.nullish(),
      files: filesSpec(limits),
      uploadedFiles: uploadedFilesSpec.nullish(),
      mobileHtml: z
        .string()
        .min(1, 'must not be empty')
        .refine((html) => Buffer.byteLength(html) <= limits.fileBytes, `must have at most ${limits.fileBytes} bytes`)
        .nullish(),
      pwa: pwaSpec.nullish(),
      agent: agentSpec.nullish(),
      deploy: z
        .boolean()
        .nullish()
        .transform((deploy) => deploy ?? true),
    })
    .superRefine(({ files, uploadedFiles, entrypoint }, { addIssue }) => {
      for (const { path, message, limit } of flawsOfBundle([...files, ...(uploadedFiles ?? [])], entrypoint, limits)) {
        addIssue({ code: 'custom', path: path.split('.'), message, params: { limit } })
      }
    })
    .transform(({ uploadedFiles, ...publication }) => ({
      ...publication,
      files: [...publication.files, ...(uploadedFiles ?? [])],
    }))

export const updateSpec = z.object({
  name: nameSpec.optional(),
  description: descriptionSpec.nullish(),
  visibility: visibilitySpec.optional(),
  accessPolicy: accessPolicySpec.nullish(),
  agent: agentSpec.nullish(),
})

export const listSpec = z.object({
  search: textSpec(NAME_LIMIT).nullish(),
  ownerHandle: textSpec(NAME_LIMIT).nullish(),
})

type PublishSpec = ReturnType<typeof publishSpec>
export type PublishInput = Omit<z.input<PublishSpec>, 'accessPolicy'> & { accessPolicy?: unknown }
export type Publication = z.output<PublishSpec>
