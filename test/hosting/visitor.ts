/** A browser as far as signing in to sites goes: it keeps cookies by host and path, and says where requests come from. */
import type { Init, SiteAnswer, SiteWorld } from './world.ts'
import { NAVIGATION } from './world.ts'

type Cookie = { host: string; path: string; name: string; value: string }

/** Each comes from an address of its own. */
let visitors = 1

export function createVisitor({ get }: Pick<SiteWorld, 'get'>) {
  let cookies: Cookie[] = []
  visitors += 1
  const from = `127.0.0.${visitors}`

  function keep(url: URL, answer: SiteAnswer) {
    const [pair = '', ...attributes] = (answer.headers.get('set-cookie') ?? '').split('; ')
    const [name = '', value = ''] = pair.split('=', 2)
    const path = attributes.find((each) => each.startsWith('Path='))?.slice(5) ?? '/'
    cookies = cookies.filter((cookie) => !(cookie.host === url.host && cookie.path === path && cookie.name === name))
    if (value) cookies.push({ host: url.host, path, name, value })
  }

  const cookieFor = ({ host, pathname }: URL) =>
    cookies
      .filter((cookie) => cookie.host === host && pathname.startsWith(cookie.path))
      .map(({ name, value }) => `${name}=${value}`)
      .join('; ')

  async function send(address: string, { headers = {}, ...init }: Init = {}): Promise<SiteAnswer> {
    const url = new URL(address)
    const cookie = cookieFor(url)
    const answer = await get(address, {
      from,
      ...init,
      headers: { ...NAVIGATION, ...(cookie && { cookie }), ...headers },
    })
    if (answer.headers.has('set-cookie')) keep(url, answer)
    return answer
  }

  return {
    send,
    /** Sends the form of the page below `root`, as that page would. */
    submit: (root: string, page: 'sign-in' | 'sign-out', fields: Record<string, string> = {}, headers = {}) =>
      send(`${root}.runsheet/${page}`, {
        method: 'POST',
        body: new URLSearchParams(fields).toString(),
        headers: {
          'content-type': 'application/x-www-form-urlencoded',
          origin: new URL(root).origin,
          'sec-fetch-site': 'same-origin',
          ...headers,
        },
      }),
    /** Its value, to show it elsewhere. */
    cookieOf: (address: string) => cookieFor(new URL(address)),
  }
}

export type Visitor = ReturnType<typeof createVisitor>
