/** The API of whichever node answers. */
export const CHAOS_TOKEN = 'chaos-administrator-token'

const PATIENCE_MS = 2_000

type Answer<Data> = { data?: Data | null; errors?: unknown }
type Url = () => string

export type Api = ReturnType<typeof createApi>

export function createApi(url: Url, token = CHAOS_TOKEN) {
  /** Rejects if the answer is not whole: whether it was done is then unknown. */
  async function send<Data>(query: string, variables: object, patienceMs: number): Promise<Data> {
    const response = await fetch(`${url()}/graphql`, {
      method: 'POST',
      headers: { 'content-type': 'application/json', authorization: `Bearer ${token}` },
      body: JSON.stringify({ query, variables }),
      signal: AbortSignal.timeout(patienceMs),
    })
    const { data, errors } = (await response.json()) as Answer<Data>
    if (!data || errors) throw new Error(JSON.stringify(errors))
    return data
  }

  /** The one field of a mutation; rejects with what is wrong. */
  async function mutate<Record extends object>(
    query: string,
    input: object,
    patienceMs = PATIENCE_MS,
  ): Promise<Record> {
    const answer = await send<{ [field: string]: Record | { message: string } }>(query, { input }, patienceMs)
    const [result] = Object.values(answer)
    if (!result || 'message' in result) throw new Error(result?.message ?? 'no answer')
    return result
  }

  return { mutate }
}
