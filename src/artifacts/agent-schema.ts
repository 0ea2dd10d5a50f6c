import { builder } from '../graphql/builder.ts'
import type { Agent } from './agent-spec.ts'

export const AgentType = builder.objectRef<Agent>('Agent').implement({
  description: 'A chat agent that answers the visitors of a site.',
  fields: (t) => ({
    enabled: t.exposeBoolean('enabled', { description: 'Whether it answers.' }),
    systemPrompt: t.exposeString('systemPrompt', { nullable: true, description: 'What it is told before all else.' }),
    model: t.exposeString('model', { nullable: true, description: 'Null: the first that the operator offers.' }),
    maxTokens: t.exposeInt('maxTokens', { description: 'Of one answer.' }),
    temperature: t.exposeFloat('temperature', { description: 'From 0 to 2.' }),
    contextJson: t.exposeBoolean('contextJson', {
      description: 'Whether it knows the JSON documents of the artifact.',
    }),
    contextTables: t.exposeStringList('contextTables', {
      description: 'Names of datasets, at most 20, of which it knows the rows that the visitor may see.',
    }),
  }),
})

export const AgentInput = builder.inputType('AgentInput', {
  description: 'A chat agent that answers the visitors of a site. What is absent stays as it is, or takes its default.',
  fields: (t) => ({
    enabled: t.boolean({ description: 'Default true.' }),
    systemPrompt: t.string({ description: 'At most 20,000 characters.' }),
    model: t.string({ description: 'One that the operator offers.' }),
    maxTokens: t.int({ description: 'Of one answer: 1 to 32,768, default 4,096.' }),
    temperature: t.float({ description: '0 to 2, default 0.7.' }),
    contextJson: t.boolean({ description: 'Whether it knows the JSON documents of the artifact; default true.' }),
    contextTables: t.stringList({
      description: 'Names of datasets, at most 20, of which it knows the rows that the visitor may see.',
    }),
  }),
})
