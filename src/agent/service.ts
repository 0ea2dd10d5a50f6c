/**
 * The chat agents of artifacts. Whoever may see the site may speak to its agent, so often in a minute; of the tables that
 * it is told of it gets the rows that this visitor may see, and of the documents nothing where an access policy says that
 * not everybody sees the same.
 */
import type pg from 'pg'
import type { Agent } from '../artifacts/agent-spec.ts'
import { requireReader } from '../artifacts/rights.ts'
import type { DataService } from '../data/service.ts'
import { sqlOn } from '../db/sql.ts'
import type { Viewer } from '../identity/viewer.ts'
import { NotFoundError } from '../kernel/errors.ts'
import type { Rate } from '../kernel/rate.ts'
import { validate } from '../kernel/validate.ts'
import { AgentUnavailableError, TooOftenError } from './errors.ts'
import type { Model } from './model.ts'
import { type KnownTable, systemPrompt } from './prompt.ts'
import { type AgentOwner, readAgentOwner, readKnownDocuments } from './queries.ts'
import { conversationSpec } from './spec.ts'

export type AgentService = ReturnType<typeof createAgentService>

/** Rows of a table that an agent is told of. */
const ROWS_LIMIT = 100

export type AgentServiceOptions = {
  pool: pg.Pool
  data: Pick<DataService, 'find' | 'rows'>
  /** Null: no model is configured. `models`: those that agents may use, the first by default. */
  model: { answer: Model; models: readonly string[] } | null
  /** Of each visitor. */
  rate: Rate
}

export function createAgentService({ pool, data, model, rate }: AgentServiceOptions) {
  const sql = sqlOn(pool)

  async function tableOf(viewer: Viewer, artifactId: string, name: string): Promise<KnownTable[]> {
    const dataset = await data.find(viewer, { artifactId, name })
    if (!dataset) return []
    const { edges, pageInfo } = await data.rows(viewer, dataset, { first: ROWS_LIMIT })
    return [{ name, rows: edges.map(({ node }) => node.data), isWhole: !pageInfo.hasNextPage }]
  }

  async function knowledge(viewer: Viewer, { id, accessPolicy }: AgentOwner, agent: Agent) {
    const documents = agent.contextJson && accessPolicy === null ? await readKnownDocuments(sql, id) : []
    const tables: KnownTable[] = []
    for (const name of agent.contextTables) tables.push(...(await tableOf(viewer, id, name)))
    return { documents, tables }
  }

  return {
    /**
     * The answer in pieces; it starts when it is taken, and ends when the signal aborts. `client`: who is counted if
     * nobody signed in. NotFoundError: there is no such site, or it has no agent. AgentUnavailableError, TooOftenError,
     * ForbiddenError, ValidationError; the pieces reject with a ModelError.
     */
    async answer(
      { slug, input, client }: { slug: string; input: unknown; client: string },
      authenticate: (artifactId: string) => Promise<Viewer>,
      signal: AbortSignal,
    ): Promise<AsyncGenerator<string>> {
      const artifact = await readAgentOwner(sql, slug)
      if (!artifact) throw new NotFoundError('there is no such artifact')
      const viewer = await authenticate(artifact.id)
      requireReader(viewer, artifact)
      const agent = artifact.agent as Agent | null
      if (!agent?.enabled) throw new NotFoundError('the artifact has no agent')
      if (!model) throw new AgentUnavailableError('no model is configured here (AGENT_BASE_URL)')
      const conversation = validate(conversationSpec, input)
      const waitMs = rate.take(viewer?.principalId ?? client)
      if (waitMs > 0) throw new TooOftenError(Math.ceil(waitMs / 1000))
      const system = systemPrompt(agent.systemPrompt, await knowledge(viewer, artifact, agent))
      const { maxTokens, temperature } = agent
      // The operator may have taken away what was chosen once.
      const chosen = agent.model !== null && model.models.includes(agent.model) ? agent.model : model.models[0]
      const messages = [...(system ? [{ role: 'system' as const, content: system }] : []), ...conversation]
      return model.answer({ model: chosen ?? '', messages, maxTokens, temperature }, signal)
    },
  }
}
