/** Why bytes are not rows, for a reason that whoever made them, or asked for them, can mend. */
export class ParseError extends Error {
  override readonly name = 'ParseError'
  /** Upper case, for programs. TOO_LARGE: more bytes than are read. NOT_UTF8, INVALID_CSV, INVALID_JSON: see the message. */
  readonly code: 'TOO_LARGE' | 'NOT_UTF8' | 'INVALID_CSV' | 'INVALID_JSON'

  constructor(code: ParseError['code'], message: string) {
    super(message)
    this.code = code
  }
}
