/** What the tests of runs ask the API. */
import type { BackfillJobInput, CancelRunsInput, EmitEventInput, RetryRunsInput } from '../generated/graphql.ts'
import { graphql } from '../generated/index.ts'
import { actions } from '../jobs/operations.ts'
import type { TestApp } from '../support/app.ts'
import { query } from '../support/people.ts'

const CANCEL_RUN = graphql(`
  mutation CancelAnyRun($runId: ID!) {
    cancelRun(input: { runId: $runId }) {
      __typename
      ...RunFields
      ... on Error { code message }
    }
  }
  fragment RunFields on Run {
    id status trigger attempt scheduledFor availableAt startedAt finishedAt cancelRequestedAt skipReason input
    error { code message }
    retryOf { id }
    job { id lastStatus lastRunAt }
    steps { position name status error { code } }
  }
`)

const RETRY_RUN = graphql(`
  mutation RetryAnyRun($runId: ID!) {
    retryRun(input: { runId: $runId }) {
      __typename
      ...RunFields
      ... on Error { code message }
    }
  }
`)

const CANCEL_RUNS = graphql(`
  mutation CancelSomeRuns($input: CancelRunsInput!) {
    cancelRuns(input: $input) {
      __typename
      ... on CancelledRuns { hasMore runs { id status cancelRequestedAt } }
      ... on ValidationError { issues { path message } }
      ... on Error { code message }
    }
  }
`)

const RETRY_RUNS = graphql(`
  mutation RetrySomeRuns($input: RetryRunsInput!) {
    retryRuns(input: $input) {
      __typename
      ... on RetriedRuns { hasMore runs { id status trigger retryOf { id } } }
      ... on ValidationError { issues { path message } }
      ... on Error { code message }
    }
  }
`)

const BACKFILL = graphql(`
  mutation BackfillAnyJob($input: BackfillJobInput!) {
    backfillJob(input: $input) {
      __typename
      ... on Backfill { slots present queued skipped job { id } }
      ... on ValidationError { issues { path message } }
      ... on Error { code message }
    }
  }
`)

const RUN = graphql(`query AnyRun($id: ID!) { run(id: $id) { ...RunFields } }`)

const RUNS = graphql(`
  query AnyRuns($jobId: ID!) { runs(filter: { jobId: $jobId }, orderBy: OLDEST, first: 100) { edges { node { ...RunFields } } } }
`)

const WATCH = graphql(`
  subscription WatchOneRun($runId: ID!) { runEvents(runId: $runId, after: "") { __typename seq } }
`)

const EMIT = graphql(`
  mutation EmitAnyEvent($input: EmitEventInput!) {
    emitEvent(input: $input) { ... on DomainEvent { id } ... on Error { message } }
  }
`)

/** The answers as they are, typed by what the test expects of them. */
export const runActions = (app: TestApp, token: string) => ({
  cancel: async (runId: string) => (await app.send(CANCEL_RUN, { runId }, { token })).data.cancelRun,
  retry: async (runId: string) => (await app.send(RETRY_RUN, { runId }, { token })).data.retryRun,
  cancelMany: async (input: CancelRunsInput) => (await app.send(CANCEL_RUNS, { input }, { token })).data.cancelRuns,
  retryMany: async (input: RetryRunsInput) => (await app.send(RETRY_RUNS, { input }, { token })).data.retryRuns,
  backfill: async (input: BackfillJobInput) => (await app.send(BACKFILL, { input }, { token })).data.backfillJob,
  run: async (id: string) => (await app.send(RUN, { id }, { token })).data.run,
  /** The 100 oldest runs of a job. */
  runsOf: async (jobId: string) => (await app.send(RUNS, { jobId }, { token })).data.runs.edges.map(({ node }) => node),
  emit: async (input: EmitEventInput) => (await app.send(EMIT, { input }, { token })).data.emitEvent,
  /** Queues a run by hand; its id. */
  async start(jobId: string, more: object = {}): Promise<string> {
    const answer = await actions(app, token).run(jobId, more)
    if (answer?.__typename === 'Run') return answer.id
    throw new Error(JSON.stringify(answer))
  },
  /** What happens to a run, from its beginning to its end: then the stream completes. */
  async story(runId: string): Promise<string[]> {
    const kinds: string[] = []
    for await (const { runEvents } of app.watch(WATCH, { runId }, { token })) kinds.push(runEvents.__typename)
    return kinds
  },
  /** Resolves when a run has come to this event. */
  async reached(runId: string, kind: string): Promise<void> {
    for await (const { runEvents } of app.watch(WATCH, { runId }, { token })) if (runEvents.__typename === kind) return
    throw new Error(`the run ended without ${kind}`)
  },
})

/** A typed answer that is of this type. */
export function only<Answer extends { __typename?: string | undefined }, Name extends Answer['__typename']>(
  answer: Answer | undefined,
  name: Name,
) {
  if (answer?.__typename === name) return answer as Extract<Answer, { __typename?: Name }>
  throw new Error(JSON.stringify(answer))
}

/** An id of the API as the database has it. */
export const uuidOf = (id: string) => id.replace(/^[a-z]+_/, '')

/** Everything of runs and their jobs that may change. Compare two, and nothing was written. */
export async function snapshot(app: TestApp): Promise<unknown> {
  const tables = ['job', 'run', 'run_queue', 'run_event']
  return Promise.all(
    tables.map((table) =>
      query(app, `select count(*)::int, md5(string_agg(t::text, ',' order by t::text)) from ${table} t`),
    ),
  )
}
