/** Answers with a file that was found: conditions, ranges, and the form that the client takes. */
import type { IncomingMessage, ServerResponse } from 'node:http'
import type { Site, StoredFile } from '../artifacts/sites.ts'
import { isCompressible } from './encodings.ts'
import type { Form } from './form.ts'
import { type Forms, isSmall } from './forms.ts'
import { rangeOf, rangeStillFits } from './ranges.ts'
import { contentTypeOf, type Headers, matches, NOSNIFF } from './responses.ts'
import { ContentGoneError, sendSlices } from './send.ts'

/** What is sent with status 200, to be sent again as it is. */
export type Sent = { form: Form; headers: Headers }

/**
 * `headers`: of the address (its origin, how long it may be kept), in every answer. A 404 page has no tag and no ranges,
 * as it stands for nothing that could be kept. Answers what was sent as a whole, if it was small.
 */
export function createFileAnswer(forms: Forms) {
  async function answer(
    request: IncomingMessage,
    response: ServerResponse,
    { ownerId, file, status, headers }: FileAnswer,
  ): Promise<Sent | null> {
    const plain = forms.plainForm({ ownerId, digest: file.digest }, file.sizeBytes)
    const compressible = isCompressible(file)
    const isPart = request.method === 'GET' && status === 200 && request.headers.range !== undefined
    const form = isPart ? plain : await forms.best(plain.blob, file, request.headers['accept-encoding'])
    const common: Headers = {
      ...headers,
      ...NOSNIFF,
      ...(compressible && { vary: 'Accept-Encoding' }),
      ...(status === 200 && { etag: form.etag, 'accept-ranges': 'bytes' }),
    }
    if (status === 200) {
      const current = currentTag(request.headers['if-none-match'], form, plain)
      if (current) {
        response.writeHead(304, { ...common, etag: current }).end()
        return null
      }
    }
    const described: Headers = { ...common, 'content-type': contentTypeOf(file.mime) }
    if (isPart && rangeStillFits(request.headers, plain.etag)) {
      const range = rangeOf(request.headers.range, file.sizeBytes)
      if (range === 'unsatisfiable') {
        response.writeHead(416, { ...common, 'content-range': `bytes */${file.sizeBytes}`, 'content-length': '0' })
        response.end()
        return null
      }
      if (range) {
        const { start, end } = range
        const contentRange = `bytes ${start}-${end - 1}/${file.sizeBytes}`
        const partial = { ...described, 'content-range': contentRange, 'content-length': String(end - start) }
        await send(response, form, range, () => response.writeHead(206, partial))
        return null
      }
    }
    const whole: Headers = {
      ...described,
      'content-length': String(form.sizeBytes),
      ...(form.encoding && { 'content-encoding': form.encoding }),
    }
    if (request.method === 'HEAD') {
      response.writeHead(status, whole).end()
      return null
    }
    await send(response, form, { start: 0, end: form.sizeBytes }, () => response.writeHead(status, whole))
    return isSmall(form) && status === 200 && !isPart ? { form, headers: whole } : null
  }

  async function send(response: ServerResponse, form: Form, span: { start: number; end: number }, begin: () => void) {
    const { start, end } = span
    if (isSmall(form)) {
      const content = await forms.read(form)
      if (!content) throw new ContentGoneError(`the content ${form.etag} is gone`)
      begin()
      response.end(content.subarray(start, end))
      return
    }
    await sendSlices(response, { start, end, begin, read: (at, length) => forms.slice(form, at, length) })
  }

  return async (request: IncomingMessage, response: ServerResponse, what: FileAnswer): Promise<Sent | null> => {
    try {
      return await answer(request, response, what)
    } catch (error) {
      // A variant goes with its content; where that was published again it is made again.
      if (!(error instanceof ContentGoneError) || response.headersSent) throw error
      forms.forgetVariants({ ownerId: what.ownerId, digest: what.file.digest })
      return answer(request, response, what)
    }
  }
}

export type FileAnswer = { ownerId: Site['ownerId']; file: StoredFile; status: 200 | 404; headers: Headers }

/** The tag that the client has and that is good: of the form it would be sent, or of the file as it is. */
function currentTag(ifNoneMatch: string | undefined, form: Form, plain: Form): string | null {
  if (matches(ifNoneMatch, form.etag)) return form.etag
  return matches(ifNoneMatch, plain.etag) ? plain.etag : null
}
