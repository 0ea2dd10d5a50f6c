/** The schema: every feature adds its types by being imported. */
import './errors.ts'
import '../identity/schema.ts'
import '../artifacts/schema.ts'
import '../data/schema.ts'
import '../data/mutation-schema.ts'
import '../schedules/schema.ts'
import '../jobs/schema.ts'
import '../runs/schema.ts'
import '../runs/control-schema.ts'
import '../runs/event-types.ts'
import '../runs/subscription.ts'
import '../stacks/schema.ts'
import '../actions/trial-schema.ts'
import '../events/schema.ts'
import { builder } from './builder.ts'

export const schema = builder.toSchema()
