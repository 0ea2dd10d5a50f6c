import { DomainError } from '../kernel/errors.ts'

/** The operator has configured no model. */
export class AgentUnavailableError extends DomainError {
  override readonly name = 'AgentUnavailableError'
  readonly code = 'AGENT_UNAVAILABLE'
}

/** The model did not answer, or not to the end. The message can be shown to visitors. */
export class ModelError extends DomainError {
  override readonly name = 'ModelError'
  readonly code = 'MODEL_FAILED'
}

/** The visitor asks more often than the setting allows. */
export class TooOftenError extends DomainError {
  override readonly name = 'TooOftenError'
  readonly code = 'RATE_LIMITED'
  readonly retryAfterSeconds: number

  constructor(retryAfterSeconds: number) {
    super(`too many messages; try again in ${retryAfterSeconds} seconds`)
    this.retryAfterSeconds = retryAfterSeconds
  }
}
