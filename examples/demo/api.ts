/** A small GraphQL client: HTTP for operations, WebSocket for subscriptions. Any other will do as well. */
import { createClient } from 'graphql-ws'
import { WebSocket } from 'ws'

export function createApi(url: string, token: string) {
  const authorization = `Bearer ${token}`
  const sockets = createClient({
    url: `${url.replace(/^http/, 'ws')}/graphql`,
    webSocketImpl: WebSocket,
    connectionParams: { authorization },
  })
  return {
    async send<Data>(query: string, variables: object = {}): Promise<Data> {
      const response = await fetch(`${url}/graphql`, {
        method: 'POST',
        headers: { 'content-type': 'application/json', authorization },
        body: JSON.stringify({ query, variables }),
      })
      const { data, errors } = (await response.json()) as { data: Data; errors?: { message: string }[] }
      if (errors) throw new Error(errors.map(({ message }) => message).join('; '))
      return data
    },
    subscribe: <Data>(query: string, variables: Record<string, unknown>) =>
      sockets.iterate<Record<string, unknown>>({ query, variables }) as AsyncIterableIterator<{ data: Data }>,
    close: () => sockets.dispose(),
  }
}
