/**
 * Who gets which rows of an artifact's datasets. A viewer gets the rows whose `field` is among the values of all rules
 * that match their e-mail address; whom no rule matches gets all rows or none, as `default` says. The owner gets all.
 * Letter case plays no part. Pure.
 */
import { z } from 'zod'
import { flawOfText } from '../kernel/storable.ts'
import { type AddValue, dataPathOf, isFieldName, NOT_A_FIELD, valueSql } from './field.ts'

const RULES_LIMIT = 1_000
const VALUES_LIMIT = 1_000
/** As JSON: it is read wherever its artifact is. */
const BYTES_LIMIT = 64 * 1024

const email = z.email('must be an e-mail address').max(320)
const domain = z
  .string()
  .max(253)
  .regex(/^[a-z0-9-]+(\.[a-z0-9-]+)*$/i, 'must be a domain such as example.org, without @')

export const accessPolicySpec = z
  .strictObject({
    version: z.literal(1, 'must be 1'),
    field: z.string().refine(isFieldName, NOT_A_FIELD),
    default: z.enum(['deny', 'allow'], 'must be "deny" or "allow"'),
    rules: z
      .array(
        z.strictObject({
          match: z
            .strictObject({ email: email.optional(), domain: domain.optional() })
            .refine(
              (match) => (match.email === undefined) !== (match.domain === undefined),
              'must be an email or a domain',
            ),
          values: z
            .array(
              z.union([z.string(), z.number(), z.boolean()]).superRefine((value, context) => {
                const flaw = typeof value === 'string' ? flawOfText(value) : null
                if (flaw) context.addIssue(flaw)
              }),
            )
            .max(VALUES_LIMIT, `must be at most ${VALUES_LIMIT} values`),
        }),
      )
      .max(RULES_LIMIT, `must be at most ${RULES_LIMIT} rules`),
  })
  .refine(
    (policy) => Buffer.byteLength(JSON.stringify(policy)) <= BYTES_LIMIT,
    `must have at most ${BYTES_LIMIT} bytes`,
  )

type AccessPolicy = z.output<typeof accessPolicySpec>

/** The values that somebody may see; null: all rows. */
function valuesFor({ rules, default: otherwise }: AccessPolicy, email: string | null): string[] | null {
  const address = email?.toLowerCase() ?? ''
  const host = address.slice(address.lastIndexOf('@') + 1)
  const matching = address === '' ? [] : rules.filter(({ match }) => matches(match, address, host))
  if (matching.length === 0) return otherwise === 'allow' ? null : []
  return matching.flatMap(({ values }) => values.map(String))
}

const matches = (match: AccessPolicy['rules'][number]['match'], address: string, host: string) =>
  match.email !== undefined ? match.email.toLowerCase() === address : match.domain?.toLowerCase() === host

/**
 * A condition on the row `r`, from a policy as it is stored: one that is not understood lets nobody see anything. The
 * field is always one of the data, also if it is called `id`.
 */
export function policySql(stored: unknown, email: string | null, add: AddValue): string {
  const policy = accessPolicySpec.safeParse(stored).data
  const path = policy && dataPathOf(policy.field)
  if (!policy || !path) return 'false'
  const values = valuesFor(policy, email)
  if (values === null) return 'true'
  if (values.length === 0) return 'false'
  const value = `lower(${valueSql(path, add)} #>> '{}')`
  return `coalesce(${value} = any(array(select lower(v) from unnest(${add(values)}::text[]) v)), false)`
}
