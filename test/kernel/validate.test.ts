import { describe, expect, it } from 'vitest'
import { z } from 'zod'
import { ValidationError } from '../../src/kernel/errors.ts'
import { validate } from '../../src/kernel/validate.ts'

const spec = z.object({
  name: z.string().trim().min(1, 'must not be empty'),
  files: z.array(z.object({ path: z.string('must be a text') })),
})

describe('validate', () => {
  it('answers the parsed form', () => {
    expect(validate(spec, { name: '  a ', files: [], extra: 1 })).toEqual({ name: 'a', files: [] })
  })

  it('names every field that is wrong, with dotted paths', () => {
    const attempt = () => validate(spec, { name: ' ', files: [{ path: 'a' }, { path: 2 }] })
    expect(attempt).toThrow(ValidationError)
    expect(attempt).toThrow('name: must not be empty; files.1.path: must be a text')
    expect(attempt).toThrow(
      expect.objectContaining({
        code: 'VALIDATION',
        issues: [
          { path: 'name', message: 'must not be empty' },
          { path: 'files.1.path', message: 'must be a text' },
        ],
      }),
    )
  })

  it('has an empty path, and no colon in the message, where the whole input is wrong', () => {
    expect(() => validate(z.object({}, 'must be an object'), 3)).toThrow(/^must be an object$/)
  })
})
