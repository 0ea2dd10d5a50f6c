import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { createHighWater, type HighWaterPorts } from '../../src/live/high-water.ts'

type Row = { position: number }
type Ports = HighWaterPorts<Row>

/** Reads as the feed does. */
const PAGE = 5

/**
 * A log as PostgreSQL keeps it, in miniature: a transaction gets its id before it draws positions, its rows appear all
 * together at the commit or never, and ids wrap at 2³².
 */
function createLog(firstId: number) {
  let started = 0
  let drawn = 0
  /** The latest id that ended, as pg_snapshot_xmax - 1 has it; counted from the first. */
  let completed = 0
  const open: { number: number; positions: number[] }[] = []
  const rows: number[] = []
  const idOf = (number: number) => (firstId + number) >>> 0
  const end = (index: number, commits: boolean) => {
    const [ended] = open.splice(index, 1)
    if (!ended) return
    completed = Math.max(completed, ended.number)
    if (commits) rows.push(...ended.positions)
    rows.sort((a, b) => a - b)
  }
  return {
    committed: () => [...rows],
    openIds: () => open.map(({ number }) => idOf(number)),
    completedId: () => idOf(completed),
    read: (after: number) =>
      rows
        .filter((position) => position > after)
        .slice(0, PAGE)
        .map((position) => ({ position })),
    begin: () => open.push({ number: ++started, positions: [] }),
    draw: (pick: number) => open[pick % open.length]?.positions.push(++drawn),
    commit: (pick: number) => end(pick % open.length, true),
    rollBack: (pick: number) => end(pick % open.length, false),
    endAll() {
      while (open.length > 0) end(0, open.length % 3 !== 0)
    },
  }
}
type Log = ReturnType<typeof createLog>

/** What others do while the reader waits for an answer. */
type Deed = { kind: 'begin' | 'draw' | 'commit' | 'rollBack'; pick: number }
const deeds = fc.array(
  fc.record<Deed>({
    kind: fc.constantFrom('begin', 'draw', 'draw', 'draw', 'commit', 'commit', 'rollBack'),
    pick: fc.nat(6),
  }),
  { maxLength: 8 },
)
const histories = fc.record({
  /** Near the point where 32 bits are full, and where they turn negative. */
  firstId: fc.constantFrom(700, 2 ** 31 - 8, 2 ** 32 - 8),
  /** What happens before each question of the reader. */
  meanwhile: fc.array(deeds, { maxLength: 60 }),
})

const faithful = (log: Log, pass: () => void): Ports => ({
  async read(after) {
    pass()
    return log.read(after)
  },
  async openIds() {
    pass()
    return log.openIds()
  },
})

/** Follows a log through a history and to its end; answers what was passed on. */
async function follow({ firstId, meanwhile }: { firstId: number; meanwhile: Deed[][] }, portsOn = faithful) {
  const log = createLog(firstId)
  const left = [...meanwhile]
  const pass = () => {
    for (const { kind, pick } of left.shift() ?? []) kind === 'begin' ? log.begin() : log[kind](pick)
  }
  const water = createHighWater<Row>(portsOn(log, pass), 0)
  const passed: number[] = []
  const advance = async () => passed.push(...(await water.advance()).ready.map(({ position }) => position))
  while (left.length > 0) await advance()
  log.endAll()
  for (let looks = 0; looks < 3 + log.committed().length / PAGE; looks++) await advance()
  return { passed, committed: log.committed(), water }
}

describe('following a log whose positions are drawn before the commit', () => {
  it('passes on every committed row once, in order, whatever commits late or never', async () => {
    await fc.assert(
      fc.asyncProperty(histories, async (history) => {
        const { passed, committed } = await follow(history)
        expect(passed).toEqual(committed)
      }),
      { numRuns: 2_000 },
    )
  })

  describe('is caught losing rows by the same histories', () => {
    const mutants: Record<string, typeof faithful> = {
      'when it takes the latest completed id for the highest open one (pg_snapshot_xmax)': (log, pass) => {
        const ports = faithful(log, pass)
        let hasRead = false
        return {
          async read(after) {
            hasRead = true
            return ports.read(after)
          },
          async openIds() {
            const ids = await ports.openIds()
            if (!hasRead) return ids
            hasRead = false
            return [log.completedId()]
          },
        }
      },
      'when it asks for the highest open id before it reads, not after': (log, pass) => {
        const ports = faithful(log, pass)
        let early: number[] | null = null
        return {
          async read(after) {
            early = await ports.openIds()
            return ports.read(after)
          },
          async openIds() {
            const ids = early ?? (await ports.openIds())
            early = null
            return ids
          },
        }
      },
      'when it does not look a second time once the writers have ended': (log, pass) => {
        const ports = faithful(log, pass)
        let stale: Row[] | null = null
        let after = 0
        return {
          async read(position) {
            after = position
            const rows = stale ?? (await ports.read(position))
            stale = null
            return rows
          },
          async openIds() {
            stale = await ports.read(after)
            return ports.openIds()
          },
        }
      },
    }
    for (const [name, mutant] of Object.entries(mutants)) {
      it(name, async () => {
        const property = fc.asyncProperty(histories, async (history) => {
          const { passed, committed } = await follow(history, mutant)
          expect(passed).toEqual(committed)
        })
        expect(await fc.check(property, { numRuns: 5_000, seed: 1 })).toMatchObject({ failed: true })
      })
    }
  })
})

describe('at a missing position', () => {
  const world = () => {
    const log = createLog(700)
    return {
      log,
      water: createHighWater<Row>(
        faithful(log, () => {}),
        0,
      ),
    }
  }
  const positions = (rows: Row[]) => rows.map(({ position }) => position)

  it('stops, and shows what lies behind without passing it on', async () => {
    const { log, water } = world()
    log.begin()
    log.begin()
    log.draw(0)
    log.draw(1)
    log.commit(1)
    for (let look = 0; look < 5; look++) {
      const { rows, ready } = await water.advance()
      expect([positions(rows), positions(ready)]).toEqual([[2], []])
    }
    expect(water.stuck()).toBe(true)
    expect(water.mark()).toBe(0)
    log.commit(0)
    expect(positions((await water.advance()).ready)).toEqual([1, 2])
    expect(water.stuck()).toBe(false)
  })

  it('goes on at the second look after it was rolled back', async () => {
    const { log, water } = world()
    log.begin()
    log.draw(0)
    log.rollBack(0)
    log.begin()
    log.draw(0)
    log.commit(0)
    expect(positions((await water.advance()).ready)).toEqual([])
    expect(positions((await water.advance()).ready)).toEqual([2])
    expect(water.mark()).toBe(2)
  })

  it('does not wait for transactions that began after it was seen', async () => {
    const { log, water } = world()
    log.begin()
    log.draw(0)
    log.begin()
    log.draw(1)
    log.commit(1)
    await water.advance()
    log.begin()
    log.rollBack(0)
    expect(positions((await water.advance()).ready)).toEqual([2])
  })
})
