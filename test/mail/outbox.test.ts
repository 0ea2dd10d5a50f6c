import { mkdtemp, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { simpleParser } from 'mailparser'
import { expect, onTestFinished, test } from 'vitest'
import { createEgress } from '../../src/egress/egress.ts'
import { systemClock } from '../../src/kernel/clock.ts'
import { openMail } from '../../src/mail/open.ts'
import { createOutbox } from '../../src/mail/outbox.ts'
import { message } from './servers.ts'

async function open() {
  const root = await mkdtemp(path.join(tmpdir(), 'runsheet-outbox-'))
  onTestFinished(() => rm(root, { recursive: true, force: true }))
  const folder = path.join(root, 'data', 'outbox')
  const time = { now: Date.UTC(2026, 2, 1, 12) }
  const outbox = createOutbox({
    folder,
    from: { name: 'Runsheet', address: 'runsheet@localhost' },
    idHost: 'localhost',
    clock: { now: () => time.now, after: () => () => {} },
  })
  const { signal } = new AbortController()
  return { folder, time, send: (part: object = {}, on = signal) => outbox.send(message(part), on) }
}

test('a mail is a file that only its owner reads, and every recipient counts as reached', async () => {
  const { folder, send } = await open()
  const to = ['ann@example.org', 'bob@example.org']
  const outcome = await send({ to })
  const [name = ''] = await readdir(folder)
  expect(name).toBe('2026-03-01T12-00-00.000Z-0190a3b4000070008000000000000001.0@localhost.eml')
  const file = path.join(folder, name)
  expect(outcome).toEqual({
    messageId: '0190a3b4000070008000000000000001.0@localhost',
    bytes: (await stat(file)).size,
    receipts: to.map((address) => ({ address, accepted: true, code: null, response: 'written to the outbox' })),
  })
  expect((await stat(file)).mode & 0o777).toBe(0o600)
  expect((await stat(folder)).mode & 0o777).toBe(0o700)
  expect(await simpleParser(await readFile(file))).toMatchObject({ subject: 'Tides', text: 'High water at noon.\n' })
})

test('files sort by the time of their mail', async () => {
  const { folder, time, send } = await open()
  await send({ id: 'b.0' })
  time.now += 1
  await send({ id: 'a.0' })
  expect((await readdir(folder)).sort().map((name) => name.slice(25))).toEqual([
    'b.0@localhost.eml',
    'a.0@localhost.eml',
  ])
})

test('a mail that is sent again takes the place of the first', async () => {
  const { folder, time, send } = await open()
  await send({ subject: 'first' })
  time.now += 60_000
  await send({ subject: 'second' })
  const [name = '', ...others] = await readdir(folder)
  expect(others).toEqual([])
  expect((await simpleParser(await readFile(path.join(folder, name)))).subject).toBe('second')
})

test.each([
  ['https://runsheet.example:4000/base', 'runsheet.example'],
  [undefined, 'example.org'],
])('a Message-ID ends in the host of PUBLIC_URL (%s), or of the sender', async (publicUrl, host) => {
  const { folder } = await open()
  const egress = createEgress({ allowCidrs: [], httpsOnly: false })
  onTestFinished(() => egress.close())
  const from = { name: '', address: 'desk@example.org' }
  const more = { server: undefined, timeoutSeconds: 1, clock: systemClock }
  const mail = openMail({ from, publicUrl, outbox: folder, egress, ...more })
  const { messageId } = await mail.send(message(), new AbortController().signal)
  expect(messageId).toBe(`0190a3b4000070008000000000000001.0@${host}`)
})

test('an outbox that cannot be written fails the mail, and nothing half is left', async () => {
  const { folder, send } = await open()
  await writeFile(path.join(folder, '..', '..', 'data'), '')
  const failure = { name: 'MailError', code: 'OUTBOX', transient: true, message: expect.not.stringContaining(folder) }
  await expect(send()).rejects.toMatchObject(failure)
})

test('a mail that is aborted is not written', async () => {
  const { folder, send } = await open()
  await expect(send({}, AbortSignal.abort())).rejects.toMatchObject({ name: 'MailError', code: 'ABORTED' })
  await expect(readdir(folder)).rejects.toThrow()
})
