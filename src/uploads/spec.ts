/** What may be prepared for upload: what could be published. Pure. */
import { z } from 'zod'
import { digestSpec, flawOfPath, type PublishLimits } from '../artifacts/spec.ts'

/** Hours that what was prepared is kept without a version that has it. */
export const UPLOAD_HOURS = 24

export const prepareSpec = (limits: PublishLimits) =>
  z.object({
    files: z
      .array(
        z.object({
          path: z.string().superRefine((path, { addIssue }) => {
            const message = flawOfPath(path)
            if (message) addIssue({ code: 'custom', message })
          }),
          digest: digestSpec,
          sizeBytes: z
            .int('must be a whole number')
            .min(0, 'must not be negative')
            .max(limits.fileBytes, `must be at most ${limits.fileBytes} (MAX_FILE_BYTES)`),
        }),
      )
      .min(1, 'must have at least one file')
      .max(limits.files, `must have at most ${limits.files} files (MAX_VERSION_FILES)`)
      .superRefine((files, { addIssue }) => {
        const total = files.reduce((sum, { sizeBytes }) => sum + sizeBytes, 0)
        if (total <= limits.versionBytes) return
        addIssue({
          code: 'custom',
          message: `must have at most ${limits.versionBytes} bytes together (MAX_VERSION_BYTES)`,
        })
      }),
  })

export type PrepareInput = z.input<ReturnType<typeof prepareSpec>>
