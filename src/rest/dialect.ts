/** The contract of a REST dialect: what is below its prefixes is answered by it, in its own forms, whatever it is. */

export type Dialect = {
  /** In the address of its document: `/openapi/{name}.json`. */
  name: string
  /** Each begins with a slash; of several that fit a path the longest decides. */
  prefixes: readonly string[]
  /** Whether browsers may call it from pages of other origins: only one whose credentials are no cookies. */
  cors: boolean
  /** Answers every request below its prefixes. Never rejects: faults of ours are logged and answered in its form. */
  fetch(request: Request): Promise<Response>
  /** The answer to one request too many of the same client; seconds until it may send another. `accept`: its header. */
  tooOften(retryAfter: number, accept?: string): Response
  /** The answer to a body that is larger than this and was not read. */
  tooLarge(maxBytes: number, accept?: string): Response
  /** Its OpenAPI 3.1 document. */
  document(): object
}
