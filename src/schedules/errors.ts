/** A schedule that cannot be. `field` says which input is wrong; the message is for a person and names the bad text. */
export class RecurrenceError extends Error {
  override readonly name = 'RecurrenceError'
  readonly field: 'expression' | 'timezone' | 'seconds' | 'at'

  constructor(field: RecurrenceError['field'], message: string) {
    super(message)
    this.field = field
  }
}
