/** A node of the API with a real feed, and its subscribers: from the start, from some moment on, and of one run. */
import { clockOf, logOf } from './node.ts'
import { createPool } from './pool.ts'
import { createFeed, createLogReader, type FeedEvent, sqlOn } from './product.ts'
import { newProcess } from './timeline.ts'
import type { World } from './world.ts'

export type Follower = { name: string; runId: string | null; joined: number; got: FeedEvent[]; hasEnded: boolean }

export type Observer = ReturnType<typeof createObserver>

export function createObserver(world: World, horizon: number) {
  const { timeline } = world
  const random = world.random.stream('observer')
  const process = newProcess('observer')
  const connections = createPool(world, process, { actor: 'observer' })
  const clock = clockOf(world, process, random.between(-500, 500))
  const reader = createLogReader(sqlOn(connections.pool))
  const feed = createFeed({ reader, bus: world.station(process), clock, log: logOf(world, process) })
  const followers: Follower[] = []

  async function follow(name: string, runId: string | null, after: number | null) {
    const follower: Follower = { name, runId, joined: timeline.now(), got: [], hasEnded: false }
    followers.push(follower)
    try {
      for await (const event of feed.follow(runId ? { runId } : {}, after)) follower.got.push(event)
      follower.hasEnded = true
    } catch (error) {
      world.violate('a stream goes on', `${name}: ${(error as Error).message}`)
    }
  }

  follow('from the start', null, 0)
  timeline.after(random.between(500, horizon), () => {
    follow('from a moment on', null, null)
  })
  timeline.after(random.between(500, horizon), () => {
    const seen = followers[0]?.got.at(-1)
    if (seen) follow('of one run', seen.runId, random.chance(0.5) ? 0 : null)
  })

  return {
    ...{ process, connections, followers, clock },
    newest: () => followers[0]?.got.at(-1)?.position ?? 0,
    async close() {
      await feed.close()
      world.leave(process)
    },
  }
}
