import { describe, expect, it } from 'vitest'
import { NotFoundError } from '../../src/kernel/errors.ts'
import { expectId, formatId, newId, parseId, uuidOf } from '../../src/kernel/ids.ts'

const uuid = '01a201bd-966f-7358-a378-a4ea1363774d'

describe('ids', () => {
  it('are UUIDs of version 7, so that the order of the ids is that of creation', () => {
    const ids = Array.from({ length: 1000 }, newId)
    expect(ids).toEqual([...ids].sort())
    expect(new Set(ids).size).toBe(ids.length)
    for (const id of ids) expect(id).toMatch(/^[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/)
  })

  it('read as a prefix and 32 hex digits, and back', () => {
    expect(formatId('Job', uuid)).toBe('job_01a201bd966f7358a378a4ea1363774d')
    expect(parseId('job_01a201bd966f7358a378a4ea1363774d')).toEqual({ kind: 'Job', uuid })
    expect(parseId(formatId('Principal', uuid))).toEqual({ kind: 'Principal', uuid })
    expect(formatId('Principal', uuid)).toMatch(/^usr_/)
  })

  it.each([
    ['', 'nothing'],
    [uuid, 'a bare UUID'],
    ['job_', 'a bare prefix'],
    ['zzz_01a201bd966f7358a378a4ea1363774d', 'a prefix that means nothing'],
    ['job_01a201bd966f7358a378a4ea1363774', 'too few digits'],
    ['job_01a201bd966f7358a378a4ea1363774d0', 'too many digits'],
    ['job_01A201BD966F7358A378A4EA1363774D', 'capitals'],
    ['job_01a201bd966f7358a378a4ea1363774g', 'a digit that is none'],
    ['job_01a201bd966f7358a378a4ea1363774d\n', 'a line break behind it'],
    ['constructor_01a201bd966f7358a378a4ea1363774d', 'a property of every object'],
  ])('takes %j for none: %s', (id) => {
    expect(parseId(id)).toBeNull()
    expect(uuidOf('Job', id)).toBeNull()
    expect(() => expectId('Job', id)).toThrow(NotFoundError)
  })

  it('of one kind name nothing of another', () => {
    expect(uuidOf('Run', formatId('Job', uuid))).toBeNull()
    expect(() => expectId('Run', formatId('Job', uuid))).toThrow(/is not the id of a Run/)
    expect(expectId('Job', formatId('Job', uuid))).toBe(uuid)
  })

  it('are not quoted in full when they are absurdly long', () => {
    expect(() => expectId('Job', 'x'.repeat(100_000))).toThrow(
      expect.objectContaining({ message: expect.stringMatching(/^.{1,200}$/) }),
    )
  })
})
