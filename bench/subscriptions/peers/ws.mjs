/** The limit: a `ws` server that sends one prepared text to everybody. */
import { createServer } from 'node:http'
import { WebSocketServer } from 'ws'
import { EVENT, PORT, publishAsAsked } from './serve.mjs'

const text = JSON.stringify({
  ...{ id: '00000000-0000-4000-8000-000000000000', type: 'next' },
  payload: { data: { runEvents: EVENT } },
})

const server = createServer(async (request, response) => {
  await publishAsAsked(request.url, () => {
    for (const socket of sockets.clients) socket.send(text)
  })
  response.end()
})
const sockets = new WebSocketServer({ server, perMessageDeflate: false })
sockets.on('connection', (socket) => {
  socket.on('message', (message) => {
    if (String(message).includes('connection_init')) socket.send('{"type":"connection_ack"}')
  })
})
server.listen(PORT, '127.0.0.1')
