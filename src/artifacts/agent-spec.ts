/** The chat agent that an artifact may have for its visitors. Pure. */
import { z } from 'zod'
import { text } from '../kernel/storable.ts'

const PROMPT_LIMIT = 20_000
const MODEL_LIMIT = 200
const TABLES_LIMIT = 20
const TABLE_NAME_LIMIT = 200
const MAX_TOKENS = 32_768

const AGENT_DEFAULTS = {
  enabled: true,
  systemPrompt: null,
  /** The first of the configured ones. */
  model: null,
  maxTokens: 4096,
  temperature: 0.7,
  contextJson: true,
  contextTables: [],
} as const

/** What is absent, or null, stays as it was, or takes its default. */
export const agentSpec = z.object({
  enabled: z.boolean('must be true or false').nullish(),
  systemPrompt: text(PROMPT_LIMIT).nullish(),
  model: text(MODEL_LIMIT).min(1, 'must not be empty').nullish(),
  maxTokens: z
    .int('must be a whole number')
    .min(1, 'must be at least 1')
    .max(MAX_TOKENS, `must be at most ${MAX_TOKENS}`)
    .nullish(),
  temperature: z.number('must be a number').min(0, 'must be at least 0').max(2, 'must be at most 2').nullish(),
  contextJson: z.boolean('must be true or false').nullish(),
  contextTables: z
    .array(text(TABLE_NAME_LIMIT).min(1, 'must not be empty'))
    .max(TABLES_LIMIT, `must be at most ${TABLES_LIMIT} tables`)
    .nullish(),
})

export type AgentInput = z.output<typeof agentSpec>

export type Agent = {
  enabled: boolean
  systemPrompt: string | null
  model: string | null
  maxTokens: number
  temperature: number
  contextJson: boolean
  /** Names of datasets of the artifact. */
  contextTables: string[]
}

/** The agent as it is stored, after a change of what is given. */
export function mergeAgent(stored: unknown, changes: AgentInput): Agent {
  const given = Object.entries(changes).filter(([, value]) => value != null)
  return { ...AGENT_DEFAULTS, ...(stored as Partial<Agent> | null), ...Object.fromEntries(given) } as Agent
}
