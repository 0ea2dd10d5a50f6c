/** Yoga, Pothos and Prisma as their docs put them together, over the product's own Prisma client. */
import { randomBytes } from 'node:crypto'
import { createServer } from 'node:http'
import SchemaBuilder from '@pothos/core'
import PrismaPlugin from '@pothos/plugin-prisma'
import { PrismaPg } from '@prisma/adapter-pg'
import { DateTimeResolver } from 'graphql-scalars'
import { createYoga } from 'graphql-yoga'
import { v7 } from 'uuid'
import { getDatamodel } from '../../../src/db/generated/pothos.ts'
import { PrismaClient } from '../../../src/db/generated/prisma/client.ts'

const { DATABASE_URL, PORT } = process.env
const prisma = new PrismaClient({ adapter: new PrismaPg({ connectionString: DATABASE_URL }) })
const { id: ownerId } = await prisma.principal.findUniqueOrThrow({ where: { handle: 'owner-1' } })

const builder = new SchemaBuilder({
  plugins: [PrismaPlugin],
  prisma: { client: prisma, dmmf: getDatamodel() },
})
builder.addScalarType('DateTime', DateTimeResolver)
builder.prismaObject('Principal', { fields: (t) => ({ id: t.exposeID('id'), handle: t.exposeString('handle') }) })
builder.prismaObject('Run', {
  fields: (t) => ({
    id: t.exposeID('id'),
    status: t.exposeString('status'),
    startedAt: t.expose('startedAt', { type: 'DateTime', nullable: true }),
  }),
})
builder.prismaObject('Job', {
  fields: (t) => ({
    id: t.exposeID('id'),
    name: t.exposeString('name', { nullable: true }),
    enabled: t.exposeBoolean('enabled'),
    nextRunAt: t.expose('nextRunAt', { type: 'DateTime', nullable: true }),
    owner: t.relation('owner'),
    runs: t.relation('runs', {
      args: { first: t.arg.int({ required: true }) },
      query: ({ first }) => ({ take: first, orderBy: { id: 'desc' } }),
    }),
  }),
})
builder.queryType({
  fields: (t) => ({
    jobs: t.prismaField({
      type: ['Job'],
      args: { first: t.arg.int({ required: true }) },
      resolve: (query, _root, { first }) => prisma.job.findMany({ ...query, take: first, orderBy: { id: 'desc' } }),
    }),
  }),
})
builder.mutationType({
  fields: (t) => ({
    createJob: t.prismaField({
      type: 'Job',
      args: { name: t.arg.string({ required: true }) },
      resolve: (query, _root, { name }) =>
        prisma.job.create({
          ...query,
          data: {
            ...{ id: v7(), surface: 'GRAPHQL', name, ownerId, createdById: ownerId, trigger: 'MANUAL' },
            actions: {
              create: {
                id: v7(),
                position: 0,
                kind: 'webhook',
                name: 'webhook',
                config: { url: 'http://127.0.0.1:9/' },
              },
            },
            signingSecret: { create: { current: randomBytes(32) } },
          },
        }),
    }),
  }),
})
const yoga = createYoga({ schema: builder.toSchema(), logging: false, graphiql: false, landingPage: false })
createServer(yoga).listen(Number(PORT), '127.0.0.1')
