/** Who takes part, and what each needs around it. */
import { type Program, startProgram } from './control.ts'
import { openPostgresStore, openRedisStore, type Store } from './store.ts'

export type Peer = { name: string; file: string; env: Record<string, string>; open(): Promise<Store> }

export const RUNSHEET = 'Runsheet'
export const OVER_HTTP = 'Runsheet over HTTP'
export const NO_ENGINE = 'no engine'
export const GRAPHILE_BATCHED = 'graphile-worker batched'
export const PG_BOSS_TUNED = 'pg-boss tuned'
export const BULLMQ = 'BullMQ'
const GRAPHILE = 'graphile-worker'
const PG_BOSS = 'pg-boss'

export const RUNSHEET_ENGINE = { file: 'runsheet.ts', env: {}, open: openPostgresStore }

export const PEERS: Peer[] = [
  { name: GRAPHILE, file: 'peers/graphile-worker.mjs', env: {}, open: openPostgresStore },
  { name: GRAPHILE_BATCHED, file: 'peers/graphile-worker.mjs', env: { TUNED: '1' }, open: openPostgresStore },
  { name: PG_BOSS, file: 'peers/pg-boss.mjs', env: {}, open: openPostgresStore },
  { name: PG_BOSS_TUNED, file: 'peers/pg-boss.mjs', env: { TUNED: '1' }, open: openPostgresStore },
  { name: BULLMQ, file: 'peers/bullmq.mjs', env: {}, open: openRedisStore },
]

export const ON_POSTGRES = [GRAPHILE, GRAPHILE_BATCHED, PG_BOSS, PG_BOSS_TUNED]
export const ALL_PEERS = PEERS.map(({ name }) => name)

/** An engine's program with a store of its own, for as long as `use` takes. */
export async function withProgram<Result>(
  { file, env, open }: Omit<Peer, 'name'>,
  use: (program: Program, store: Store) => Promise<Result>,
): Promise<Result> {
  const store = await open()
  try {
    const program = await startProgram(file, { ...env, ...store.env })
    try {
      return await use(program, store)
    } finally {
      await program.end()
    }
  } finally {
    await store.stop()
  }
}
