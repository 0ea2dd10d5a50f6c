/** The token of `Bearer …`; undefined without the header. Another scheme is a token that nobody has. Pure. */
export function bearerToken(authorization: string | null | undefined): string | undefined {
  if (!authorization) return undefined
  return /^bearer +(\S+)$/i.exec(authorization)?.[1] ?? ''
}
