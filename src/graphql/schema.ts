/** The schema: every feature adds its types by being imported. */
import type { GraphQLObjectType } from 'graphql'
import { formatId, type IdKind } from '../kernel/ids.ts'
import './errors.ts'
import '../identity/schema.ts'
import '../artifacts/schema.ts'
import '../artifacts/subscription.ts'
import '../data/schema.ts'
import '../data/mutation-schema.ts'
import '../schedules/schema.ts'
import '../schedules/shared-schema.ts'
import '../jobs/schema.ts'
import '../jobs/many-schema.ts'
import '../jobs/mutation-schema.ts'
import '../jobs/draft-schema.ts'
import '../jobs/sharing-schema.ts'
import '../jobs/subscription.ts'
import '../runs/schema.ts'
import '../runs/control-schema.ts'
import '../runs/lock-schema.ts'
import '../runs/event-types.ts'
import '../runs/report-schema.ts'
import '../runs/subscription.ts'
import '../stacks/schema.ts'
import '../actions/trial-schema.ts'
import '../events/schema.ts'
import '../collaboration/schema.ts'
import '../collaboration/comment-schema.ts'
import '../documents/schema.ts'
import '../uploads/schema.ts'
import { builder } from './builder.ts'
import { nodes } from './nodes.ts'
import { reads } from './selection.ts'

export const schema = builder.toSchema()

// Relay's own waits for each id as for something that is still to come: of a list that is a promise for each row.
for (const name of nodes.keys()) {
  const id = (schema.getType(name) as GraphQLObjectType).getFields().id
  if (!id) throw new Error(`${name} has no id`)
  id.resolve = (row: { id: string }) => formatId(name as IdKind, row.id)
  id.extensions = { ...id.extensions, ...reads('id') }
}
