/** Answers from memory and others on one connection: they come in the order of the requests, each whole. */
import { once } from 'node:events'
import net from 'node:net'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { createSiteWorld, type SiteWorld, siteOf, text } from './world.ts'

const PAGE = 'from memory '.repeat(500)

let world: SiteWorld
beforeAll(async () => {
  world = await createSiteWorld()
  await world.publish('site', [text('index.html', PAGE), text('other.txt', 'the long way')])
})
afterAll(() => world?.app.stop())

test('requests that are sent without waiting are answered in their order', async () => {
  for (let times = 0; times < 2; times++) expect((await world.get(`${siteOf('site')}/`)).status).toBe(200)
  const paths = ['/', '/other.txt', '/', '/nothing.txt', '/', '/']
  const socket = net.connect(Number(new URL(world.app.url).port), '127.0.0.1')
  let received = ''
  socket.on('data', (chunk) => {
    received += chunk
  })
  const requests = paths.map((path, index) => {
    const last = index === paths.length - 1 ? 'connection: close\r\n' : ''
    return `GET ${path} HTTP/1.1\r\nhost: ${new URL(siteOf('site')).host}\r\n${last}\r\n`
  })
  socket.write(requests.join(''))
  await once(socket, 'close')
  const bodies = received.split(/HTTP\/1\.1 (?=\d)/).slice(1)
  expect(bodies.map((answer) => answer.slice(0, 3))).toEqual(['200', '200', '200', '404', '200', '200'])
  const contents = bodies.map((answer) => answer.slice(answer.indexOf('\r\n\r\n') + 4))
  expect(contents).toEqual([PAGE, 'the long way', PAGE, 'Not found\n', PAGE, PAGE])
})

test('a public site does not mind the credentials of a proxy', async () => {
  const headers = { authorization: 'Basic YTpi' }
  expect((await world.get(`${siteOf('site')}/other.txt`, { headers })).text).toBe('the long way')
})
