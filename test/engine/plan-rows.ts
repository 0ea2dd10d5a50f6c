/** What a statement of the engine costs, in rows rather than in time. */
import { expect } from 'vitest'
import type { Database } from '../../src/db/client.ts'
import type { Sql } from '../../src/db/sql.ts'

type Node = { 'Actual Rows': number; 'Actual Loops': number; 'Rows Removed by Filter'?: number; Plans?: Node[] }

/** Rows that a plan touched, in all of its nodes. */
const touched = (node: Node): number =>
  node['Actual Loops'] * (node['Actual Rows'] + (node['Rows Removed by Filter'] ?? 0)) +
  (node.Plans ?? []).reduce((sum, plan) => sum + touched(plan), 0)

const textOf = (value: unknown): string => {
  if (value instanceof Date) return value.toISOString()
  if (!Array.isArray(value)) return String(value)
  return `{${value.map((each) => (each === null ? 'NULL' : JSON.stringify(textOf(each)))).join(',')}}`
}

/**
 * Asks what a function asks as a node does, but of EXPLAIN (ANALYZE); the answer is how many rows that took. `mode`: of
 * `plan_cache_mode`.
 */
export async function rowsOf(
  { enginePool }: Database,
  mode: string,
  ask: (sql: Sql) => Promise<unknown>,
): Promise<number> {
  const client = await enginePool.connect()
  const plans: Node[] = []
  const explain = async (text: string, values: unknown[] = []) => {
    if (text.includes('pg_try_advisory')) return [{ ours: true }]
    const literals = values.map((value) => client.escapeLiteral(textOf(value))).join(', ')
    await client.query(`prepare asked as ${text}`)
    const { rows } = await client.query(
      `explain (analyze, timing off, format json) execute asked ${literals && `(${literals})`}`,
    )
    await client.query('deallocate asked')
    for (const row of rows) plans.push(row['QUERY PLAN'][0].Plan)
    return []
  }
  try {
    await client.query(`set plan_cache_mode = ${mode}`)
    await ask(explain as Sql)
  } finally {
    await client.query('reset plan_cache_mode')
    client.release()
  }
  expect(plans.length).toBeGreaterThan(0)
  return plans.reduce((sum, plan) => sum + touched(plan), 0)
}
