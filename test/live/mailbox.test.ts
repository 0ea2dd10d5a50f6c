import { describe, expect, it } from 'vitest'
import { createMailbox } from '../../src/live/mailbox.ts'

/** Whether a promise is still pending after all that can happen now has happened. */
async function isPending(promise: Promise<unknown>): Promise<boolean> {
  let pending = true
  promise.then(() => {
    pending = false
  })
  await new Promise((resolve) => setImmediate(resolve))
  return pending
}

describe('a mailbox', () => {
  it('hands over all that has arrived, in order, once', async () => {
    const mailbox = createMailbox<number>(10)
    mailbox.put(1)
    mailbox.put(2)
    expect(await mailbox.take()).toEqual([1, 2])
    mailbox.put(3)
    expect(await mailbox.take()).toEqual([3])
  })

  it('lets the taker wait until something arrives', async () => {
    const mailbox = createMailbox<number>(10)
    const taken = mailbox.take()
    expect(await isPending(taken)).toBe(true)
    mailbox.put(1)
    expect(await taken).toEqual([1])
  })

  it('keeps as many as its limit; one more, and all are dropped, which it says once', async () => {
    const mailbox = createMailbox<number>(3)
    for (const item of [1, 2, 3]) mailbox.put(item)
    expect(await mailbox.take()).toEqual([1, 2, 3])
    for (const item of [4, 5, 6, 7, 8, 9, 10]) mailbox.put(item)
    expect(await mailbox.take()).toBe('overflow')
    const taken = mailbox.take()
    expect(await isPending(taken)).toBe(true)
    mailbox.put(11)
    expect(await taken).toEqual([11])
  })

  it('wakes a taker that waits when it is closed, and takes nothing more', async () => {
    const mailbox = createMailbox<number>(3)
    const taken = mailbox.take()
    mailbox.close()
    mailbox.put(1)
    expect(await taken).toBe('closed')
    expect(await mailbox.take()).toBe('closed')
  })

  it('is closed even with something in it, or after an overflow', async () => {
    const [full, overflowed] = [createMailbox<number>(1), createMailbox<number>(1)]
    full.put(1)
    overflowed.put(1)
    overflowed.put(2)
    for (const mailbox of [full, overflowed]) {
      mailbox.close()
      expect(await mailbox.take()).toBe('closed')
    }
  })
})
