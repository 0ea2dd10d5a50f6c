import { describe, expect, it } from 'vitest'
import { ValidationError } from '../../src/kernel/errors.ts'
import { type Cursor, connectionOf, encodeCursor, PAGE_LIMIT, pageOf } from '../../src/kernel/pages.ts'

const issueOf = (args: Parameters<typeof pageOf>[0]) => {
  try {
    return pageOf(args)
  } catch (error) {
    if (error instanceof ValidationError) return error.issues
    throw error
  }
}

describe('pageOf', () => {
  it('takes 20 from the start when nothing is said', () => {
    expect(pageOf({})).toEqual({ size: 20, backward: false, after: null, before: null })
    expect(pageOf({ first: null, last: null, after: null, before: null })).toEqual(pageOf({}))
  })

  it('reads both cursors, whatever the direction', () => {
    const cursors: Cursor[] = [
      ['a', 1],
      ['b', null],
    ]
    const [after = [], before = []] = cursors
    const args = { after: encodeCursor(after), before: encodeCursor(before) }
    expect(pageOf({ ...args, last: 5 })).toEqual({ size: 5, backward: true, after, before })
    expect(pageOf({ ...args, first: 0 })).toEqual({ size: 0, backward: false, after, before })
  })

  it.each([
    [{ first: -1 }, 'first'],
    [{ first: PAGE_LIMIT + 1 }, 'first'],
    [{ last: -1 }, 'last'],
    [{ last: 2 ** 31 - 1 }, 'last'],
    [{ first: 1, last: 1 }, 'last'],
    [{ after: 'not base64 of anything' }, 'after'],
    [{ after: '' }, 'after'],
    [{ before: Buffer.from('{"id":1}').toString('base64url') }, 'before'],
    [{ before: Buffer.from('[]').toString('base64url') }, 'before'],
    [{ before: Buffer.from('[[1]]').toString('base64url') }, 'before'],
    [{ before: Buffer.from('[true]').toString('base64url') }, 'before'],
  ])('refuses %j and names %s', (args, path) => {
    expect(issueOf(args)).toEqual([{ path, message: expect.any(String) }])
  })
})

describe('connectionOf', () => {
  const rows = ['a', 'b', 'c']
  const connect = (args: Parameters<typeof pageOf>[0], given: string[]) =>
    connectionOf(
      pageOf(args),
      given,
      (row) => [row],
      async () => 7,
    )
  const nodes = ({ edges }: ReturnType<typeof connect>) => edges.map(({ node }) => node)

  it('keeps what was asked for, and tells by the row too many that there is more', () => {
    const page = connect({ first: 2 }, rows)
    expect(nodes(page)).toEqual(['a', 'b'])
    expect(page.pageInfo).toEqual({
      hasNextPage: true,
      hasPreviousPage: false,
      startCursor: encodeCursor(['a']),
      endCursor: encodeCursor(['b']),
    })
    expect(connect({ first: 3 }, rows).pageInfo.hasNextPage).toBe(false)
  })

  it('turns the rows of a backward page round', () => {
    const page = connect({ last: 2, before: encodeCursor(['d']) }, ['c', 'b', 'a'])
    expect(nodes(page)).toEqual(['b', 'c'])
    expect(page.pageInfo).toMatchObject({ hasNextPage: true, hasPreviousPage: true })
    expect(connect({ last: 3 }, ['c', 'b', 'a']).pageInfo).toMatchObject({ hasNextPage: false, hasPreviousPage: false })
  })

  it('has no cursors when it has no rows', () => {
    expect(connect({ first: 0 }, rows)).toMatchObject({ edges: [], pageInfo: { startCursor: null, endCursor: null } })
  })

  it('counts only when it is asked to', async () => {
    await expect(connect({}, rows).totalCount()).resolves.toBe(7)
  })
})
