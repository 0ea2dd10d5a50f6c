/** Whoever changes a thing may say which version of it they have seen, so that nobody's change is lost unseen. */
import { ConflictError } from './errors.ts'

/**
 * To be asked under the lock of the thing's row. `what`: what it is called, such as `job`; `known` absent: whichever.
 * @throws ConflictError VERSION
 */
export function requireVersion(what: string, { version }: { version: number }, known: number | null | undefined): void {
  if (known == null || known === version) return
  throw new ConflictError(`the ${what} is at version ${version}, not ${known}: read it again`, 'VERSION')
}
